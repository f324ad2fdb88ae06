import { access, readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { messageOf } from '../../core/errors.ts'
import { error } from './errors.ts'

const unpack = promisify(gunzip)

/**
 * Maximum size in bytes that a file of a data set may unpack to: 1 GiB, about twice the size of the largest published
 * file.
 */
export const LARGEST_FILE = 1024 ** 3

/**
 * The bytes of a file, gunzipped when they are gzip.
 * Errors: ARCHLOOM_DATA_FILE_MISSING, ARCHLOOM_DATA_GZIP_CORRUPT (also for more than LARGEST_FILE bytes unpacked).
 */
export async function readBytes(path: string): Promise<Uint8Array> {
  let bytes: Uint8Array
  try {
    bytes = await readFile(path)
  } catch (cause) {
    throw error('ARCHLOOM_DATA_FILE_MISSING', { path, why: messageOf(cause) }, { cause })
  }
  // The magic number decides, not the name, because unpacked files often keep their old name.
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) {
    if (path.endsWith('.gz'))
      throw error('ARCHLOOM_DATA_GZIP_CORRUPT', { path, reason: `${bytes.length} bytes that do not begin with 1f 8b` })
    return bytes
  }
  // A gzip file ends with its unpacked size. If that size is wrong, the limit below still applies.
  const promised = bytes.length < 18 ? 0 : Buffer.from(bytes.subarray(-4)).readUInt32LE()
  if (promised > LARGEST_FILE)
    throw error('ARCHLOOM_DATA_GZIP_CORRUPT', {
      path,
      reason: `it unpacks to ${promised} bytes; at most ${LARGEST_FILE} are read`,
    })
  try {
    return await unpack(bytes, { maxOutputLength: LARGEST_FILE })
  } catch (cause) {
    throw error('ARCHLOOM_DATA_GZIP_CORRUPT', { path, reason: messageOf(cause) }, { cause })
  }
}

/** The first of these paths that exists, plain or with `.gz`. */
export async function firstExisting(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths.flatMap((plain) => [plain, `${plain}.gz`])) if (await exists(path)) return path
  return undefined
}

export const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  )
