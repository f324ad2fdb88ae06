import { createReadStream } from 'node:fs'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { pipeline, Readable, Transform } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { createTarDecoder } from 'modern-tar'
import { messageOf } from '../../core/errors.ts'
import { error } from './errors.ts'
import { LARGEST_FILE } from './read-bytes.ts'

/** A stream that passes bytes on and fails above the size that an archive may unpack to. */
function limited(): Transform {
  let passed = 0
  return new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      passed += chunk.length
      if (passed > LARGEST_FILE) done(new Error(`it unpacks to more than ${LARGEST_FILE} bytes`))
      else done(null, chunk)
    },
  })
}

/**
 * Extracts the named members of a .tar.gz into one folder, without sub-folders. Paths inside the archive are ignored,
 * so they cannot point outside the folder. Error: ARCHLOOM_ARCHIVE_INCOMPLETE.
 */
export async function extractMembers(archive: string, members: readonly string[], folder: string): Promise<void> {
  const missing = new Set(members)
  await mkdir(folder, { recursive: true })
  try {
    const source = createReadStream(archive)
    // Reading the last stream reports the errors of all streams; the callback only prevents uncaught exceptions.
    const unpacked = pipeline(source, createGunzip(), limited(), () => {})
    const bytes = Readable.toWeb(unpacked) as ReadableStream<Uint8Array>
    for await (const { header, body } of bytes.pipeThrough(createTarDecoder())) {
      const name = basename(header.name)
      if (header.type !== 'file' || !missing.has(name)) {
        await body.cancel()
        continue
      }
      const path = join(folder, name)
      await writeFile(`${path}.part`, Readable.fromWeb(body as Parameters<typeof Readable.fromWeb>[0]))
      await rename(`${path}.part`, path)
      missing.delete(name)
    }
  } catch (cause) {
    const reason = messageOf(cause)
    throw error('ARCHLOOM_ARCHIVE_INCOMPLETE', { path: archive, missing: [...missing], reason }, { cause })
  }
  if (missing.size > 0) throw error('ARCHLOOM_ARCHIVE_INCOMPLETE', { path: archive, missing: [...missing] })
}
