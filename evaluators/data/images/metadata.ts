/** Colour profiles, EXIF and XMP: read from one file, put into another, whatever their formats. */
import { deflateSync } from 'node:zlib'

/** What a file says about its pixels and about their origin. */
export interface ImageMetadata {
  /** Colour profile (ICC) in which the values are meant. */
  readonly profile?: Uint8Array
  /** EXIF, beginning with its TIFF header. */
  readonly exif?: Uint8Array
  /** XMP, as text. */
  readonly xmp?: string
}

export type Container = 'png' | 'jpeg' | 'webp'

const latin = (text: string) => Buffer.from(text, 'latin1')
const PREFIX = latin('Exif\0\0')

/** EXIF without the marker that JPEG files put before it. */
export function bareExif(exif: Uint8Array): Uint8Array {
  const bytes = Buffer.from(exif)
  return bytes.subarray(0, 6).equals(PREFIX) ? bytes.subarray(6) : bytes
}

const ORIENTATION = 0x0112
const EXIF_FOLDER = 0x8769
const WIDTH = 0xa002
const HEIGHT = 0xa003

/**
 * EXIF of an upright image of this size: the orientation becomes 1, and width and height, where stated, those of the
 * image. Undefined if the bytes are no EXIF.
 */
export function uprightExif(
  exif: Uint8Array,
  { height, width }: { readonly height: number; readonly width: number },
): Uint8Array | undefined {
  const bytes = Uint8Array.from(bareExif(exif))
  const view = new DataView(bytes.buffer)
  const mark = bytes.length >= 8 ? view.getUint16(0) : 0
  if (mark !== 0x4949 && mark !== 0x4d4d) return undefined
  const little = mark === 0x4949
  const folder = (at: number, visit: (tag: number, entry: number) => void) => {
    if (at + 2 > bytes.length) return
    const count = view.getUint16(at, little)
    for (let i = 0, entry = at + 2; i < count && entry + 12 <= bytes.length; i++, entry += 12)
      visit(view.getUint16(entry, little), entry)
  }
  const set = (entry: number, value: number) => {
    const type = view.getUint16(entry + 2, little)
    if (type === 4) view.setUint32(entry + 8, value, little)
    else if (type === 3 && value <= 0xffff) view.setUint16(entry + 8, value, little)
  }
  folder(view.getUint32(4, little), (tag, entry) => {
    if (tag === ORIENTATION) set(entry, 1)
    if (tag !== EXIF_FOLDER) return
    folder(view.getUint32(entry + 8, little), (inner, at) => {
      if (inner === WIDTH) set(at, width)
      if (inner === HEIGHT) set(at, height)
    })
  })
  return bytes
}

/** XMP of an upright image: a stated orientation becomes 1. */
export const uprightXmp = (xmp: string): string =>
  xmp.replace(/(tiff:Orientation(?:="|>))\d+/g, (_, before: string) => `${before}1`)

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n
  for (let bit = 0; bit < 8; bit++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1
  return c
})

/** The checksum of PNG and zip (CRC-32 of IEEE 802.3). */
export function crc32(bytes: Uint8Array): number {
  let c = 0xffffffff
  for (const byte of bytes) c = TABLE[(c ^ byte) & 0xff]! ^ (c >>> 8)
  return (c ^ 0xffffffff) >>> 0
}

function pngChunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([latin(type), data])
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32BE(data.length)
  sum.writeUInt32BE(crc32(body))
  return Buffer.concat([length, body, sum])
}

function intoPng(file: Buffer, { profile, exif, xmp }: ImageMetadata): Buffer {
  // Behind the signature and the header, which has a fixed length.
  const at = 8 + 25
  const chunks = [
    ...(profile ? [pngChunk('iCCP', Buffer.concat([latin('ICC profile\0\0'), deflateSync(profile)]))] : []),
    ...(exif ? [pngChunk('eXIf', exif)] : []),
    ...(xmp ? [pngChunk('iTXt', Buffer.concat([latin('XML:com.adobe.xmp\0\0\0\0\0'), Buffer.from(xmp)]))] : []),
  ]
  return Buffer.concat([file.subarray(0, at), ...chunks, file.subarray(at)])
}

/** The most bytes of a segment of a JPEG file, without its length. */
const SEGMENT = 65_533

function segment(marker: number, ...parts: readonly Uint8Array[]): Buffer {
  const data = Buffer.concat(parts)
  const head = Buffer.from([0xff, marker, 0, 0])
  head.writeUInt16BE(data.length + 2, 2)
  return Buffer.concat([head, data])
}

function intoJpeg(file: Buffer, { profile, exif, xmp }: ImageMetadata): Buffer {
  const name = latin('ICC_PROFILE\0')
  const room = SEGMENT - name.length - 2
  const pieces = profile ? Math.ceil(profile.length / room) : 0
  const segments = [
    ...(exif ? [segment(0xe1, PREFIX, exif)] : []),
    ...(xmp ? [segment(0xe1, latin('http://ns.adobe.com/xap/1.0/\0'), Buffer.from(xmp))] : []),
    ...Array.from({ length: pieces }, (_, i) =>
      segment(0xe2, name, Uint8Array.of(i + 1, pieces), profile!.subarray(i * room, (i + 1) * room)),
    ),
  ]
  // Behind the start, and behind the segment of JFIF where there is one.
  const at = file[3] === 0xe0 ? 4 + file.readUInt16BE(4) : 2
  return Buffer.concat([file.subarray(0, at), ...segments, file.subarray(at)])
}

function webpChunk(type: string, data: Uint8Array): Buffer {
  const head = Buffer.alloc(8)
  head.write(type, 'latin1')
  head.writeUInt32LE(data.length, 4)
  return Buffer.concat([head, data, Buffer.alloc(data.length % 2)])
}

function intoWebp(
  file: Buffer,
  { profile, exif, xmp }: ImageMetadata,
  { height, width }: { readonly height: number; readonly width: number },
): Buffer {
  const chunks: { type: string; data: Buffer }[] = []
  for (let at = 12; at + 8 <= file.length; ) {
    const size = file.readUInt32LE(at + 4)
    chunks.push({ type: file.toString('latin1', at, at + 4), data: file.subarray(at + 8, at + 8 + size) })
    at += 8 + size + (size % 2)
  }
  const header = Buffer.alloc(10)
  const given = chunks.find(({ type }) => type === 'VP8X')
  if (given) given.data.copy(header)
  else {
    const clear = chunks.some(({ type, data }) => type === 'ALPH' || (type === 'VP8L' && (data[4]! & 0x10) !== 0))
    header[0] = clear ? 0x10 : 0
    header.writeUIntLE(width - 1, 4, 3)
    header.writeUIntLE(height - 1, 7, 3)
  }
  header[0] = header[0]! | (profile ? 0x20 : 0) | (exif ? 0x08 : 0) | (xmp ? 0x04 : 0)
  const body = Buffer.concat([
    latin('WEBP'),
    webpChunk('VP8X', header),
    ...(profile ? [webpChunk('ICCP', profile)] : []),
    ...chunks.filter(({ type }) => type !== 'VP8X').map(({ type, data }) => webpChunk(type, data)),
    ...(exif ? [webpChunk('EXIF', exif)] : []),
    ...(xmp ? [webpChunk('XMP ', Buffer.from(xmp))] : []),
  ])
  const head = Buffer.alloc(8)
  head.write('RIFF', 'latin1')
  head.writeUInt32LE(body.length, 4)
  return Buffer.concat([head, body])
}

/** The parts that a format can hold, and why the others cannot be kept. */
export function keepable(
  { profile, exif, xmp }: ImageMetadata,
  format: Container,
): { readonly kept: ImageMetadata; readonly notes: readonly string[] } {
  const fits = (bytes: number) => format !== 'jpeg' || bytes <= SEGMENT
  const exifFits = exif !== undefined && fits(exif.length + PREFIX.length)
  const xmpFits = xmp !== undefined && fits(Buffer.byteLength(xmp) + 29)
  const dropped = (what: string, bytes: number) =>
    `${what} of ${bytes} bytes, which a JPEG file cannot hold and which is left out`
  return {
    kept: { ...(profile && { profile }), ...(exifFits && { exif }), ...(xmpFits && { xmp }) },
    notes: [
      ...(exif && !exifFits ? [dropped('EXIF', exif.length)] : []),
      ...(xmp && !xmpFits ? [dropped('XMP', Buffer.byteLength(xmp))] : []),
    ],
  }
}

/** A file, as the encoder wrote it, with metadata; the pixels stay byte for byte. */
export function withMetadata(
  file: Uint8Array,
  format: Container,
  metadata: ImageMetadata,
  size: { readonly height: number; readonly width: number },
): Uint8Array {
  if (Object.keys(metadata).length === 0) return file
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.length)
  if (format === 'png') return intoPng(bytes, metadata)
  return format === 'jpeg' ? intoJpeg(bytes, metadata) : intoWebp(bytes, metadata, size)
}
