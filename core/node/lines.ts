import { createReadStream, existsSync } from 'node:fs'
import { error } from '../study/errors.ts'
import { crc32 } from './checksum.ts'

const BLOCK = 1 << 17
/** A longer line is not one of archloom, and is not read into memory. */
const LONGEST_LINE = 256 << 20

/** A place in a file of lines. */
export interface Place {
  /** Lines before it. */
  line: number
  /** Bytes before it. */
  offset: number
  /** CRC-32 of these bytes, where it is wanted. */
  crc?: number | undefined
}

/**
 * The lines of a file after `place`, in batches of a block each: files may have any size. An incomplete last line is
 * skipped. `place` moves with each batch to its end. Error: ARCHLOOM_STUDY_CORRUPT for a line that is too long.
 */
export async function* readLines(file: string, place: Place): AsyncGenerator<readonly string[], void, void> {
  if (!existsSync(file)) return
  let pending: Buffer[] = []
  let pendingBytes = 0
  for await (const chunk of createReadStream(file, { start: place.offset, highWaterMark: BLOCK })) {
    const bytes = chunk as Buffer
    const end = bytes.lastIndexOf(10)
    if (end < 0) {
      pending.push(bytes)
      pendingBytes += bytes.length
      if (pendingBytes > LONGEST_LINE)
        throw error('ARCHLOOM_STUDY_CORRUPT', { file, line: place.line + 1, received: `${pendingBytes} bytes` })
      continue
    }
    const whole = Buffer.concat([...pending, bytes.subarray(0, end + 1)])
    const rest = bytes.subarray(end + 1)
    pending = rest.length > 0 ? [rest] : []
    pendingBytes = rest.length
    const lines = whole.toString('utf8').split('\n')
    lines.pop()
    place.offset += whole.length
    place.line += lines.length
    if (place.crc !== undefined) place.crc = crc32(whole, place.crc)
    yield lines
  }
}
