import * as zlib from 'node:zlib'

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1
  return value
})

/**
 * CRC-32 of bytes, or of the UTF-8 bytes of a text (ISO 3309, as in gzip and PNG), where Node is older than 20.15 and has
 * none. `before` is the checksum of the bytes that precede them.
 */
export function crc32Of(data: string | Uint8Array, before = 0): number {
  let value = ~before
  for (const byte of typeof data === 'string' ? Buffer.from(data) : data)
    value = (value >>> 8) ^ table[(value ^ byte) & 255]!
  return ~value >>> 0
}

export const crc32: (data: string | Uint8Array, before?: number) => number = zlib.crc32 ?? crc32Of

const hex = (text: string) => crc32(text).toString(16).padStart(8, '0')

const KEY = ',"crc":"'
/** Characters of the field and the brace after it. */
const LENGTH = KEY.length + 10

/** `{…}` as `{…,"crc":"0a1b2c3d"}`: an object of JSON with the checksum of its text as the last field. */
export const withChecksum = (json: string): string => `${json.slice(0, -1)}${KEY}${hex(json)}"}`

/** The text as it was before `withChecksum`; undefined where it has changed since. A text without a checksum is returned as it is. */
export function withoutChecksum(text: string): string | undefined {
  const at = text.length - LENGTH
  if (!text.startsWith(KEY, at) || !text.endsWith('"}')) return text
  const json = `${text.slice(0, at)}}`
  return hex(json) === text.slice(at + KEY.length, -2) ? json : undefined
}
