import { createReadStream } from 'node:fs'
import { error } from '../errors.ts'

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let crc = n
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  return crc
})

/** The checksum of TFRecord files: CRC-32C, rotated and shifted. */
export function maskedChecksum(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) crc = (crc >>> 8) ^ CRC_TABLE[(crc ^ byte) & 0xff]!
  crc = ~crc >>> 0
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
}

/** No record of a benchmark is nearly so large, in bytes. */
const LARGEST = 64 * 1024 ** 2

/**
 * The records of a TFRecord file, one after the other; the file may be larger than memory.
 * Error: ARCHLOOM_TABLE_CORRUPT for a file that is cut short or whose checksums are wrong.
 */
export async function* tfRecords(path: string): AsyncGenerator<Uint8Array> {
  let left: Buffer = Buffer.alloc(0)
  let count = 0
  const refuse = (received: string) =>
    error('ARCHLOOM_TABLE_CORRUPT', {
      path,
      received: `${received} in record ${count}`,
      expected: 'a whole TFRecord file',
    })
  for await (const chunk of createReadStream(path, { highWaterMark: 4 * 1024 ** 2 })) {
    left = left.length === 0 ? (chunk as Buffer) : Buffer.concat([left, chunk as Buffer])
    let at = 0
    while (left.length - at >= 12) {
      if (left.readUInt32LE(at + 8) !== maskedChecksum(left.subarray(at, at + 8))) throw refuse('a wrong checksum')
      const length = Number(left.readBigUInt64LE(at))
      if (length > LARGEST) throw refuse(`${length} bytes`)
      if (left.length - at < 16 + length) break
      const record = left.subarray(at + 12, at + 12 + length)
      if (left.readUInt32LE(at + 12 + length) !== maskedChecksum(record)) throw refuse('a wrong checksum')
      yield record
      count++
      at += 16 + length
    }
    left = left.subarray(at)
  }
  if (left.length > 0) throw refuse(`${left.length} bytes too few or too many`)
}
