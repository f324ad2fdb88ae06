import { createReadStream } from 'node:fs'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { createTarDecoder } from 'modern-tar'
import { messageOf } from '../../core/errors.ts'
import { error } from './errors.ts'

/**
 * Takes the named members out of a .tar.gz and puts them flat into a folder; nothing else is written, so no path inside
 * the archive matters. Error: ARCHLOOM_ARCHIVE_INCOMPLETE.
 */
export async function extractMembers(archive: string, members: readonly string[], folder: string): Promise<void> {
  const missing = new Set(members)
  await mkdir(folder, { recursive: true })
  try {
    const source = createReadStream(archive)
    const gunzip = createGunzip()
    source.on('error', (cause) => gunzip.destroy(cause))
    const bytes = Readable.toWeb(source.pipe(gunzip)) as ReadableStream<Uint8Array>
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
