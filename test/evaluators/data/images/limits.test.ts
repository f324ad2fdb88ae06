import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deflateSync, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { IMAGE_LIMITS, readPicture } from '../../../../evaluators/data/images/index.ts'
import { readIdxLabels, readImageFolder } from '../../../../evaluators/data/index.ts'

const xmlns = 'xmlns="http://www.w3.org/2000/svg"'
const drawing = (width: number, height: number, inside = '') =>
  `<svg ${xmlns} width="${width}" height="${height}"><rect width="9" height="9" fill="#f00"/>${inside}</svg>`

/** A PNG whose header promises this size, and whose pixels are missing. */
function headerOf(width: number, height: number): Buffer {
  const crc = (bytes: Buffer) => {
    let c = ~0
    for (const byte of bytes) {
      c ^= byte
      for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1
    }
    return ~c >>> 0
  }
  const chunk = (type: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(type), data])
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)]
    length.writeUInt32BE(data.length)
    sum.writeUInt32BE(crc(body))
    return Buffer.concat([length, body, sum])
  }
  const size = Buffer.alloc(13)
  size.writeUInt32BE(width, 0)
  size.writeUInt32BE(height, 4)
  size.set([8, 2, 0, 0, 0], 8)
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  const pixels = chunk('IDAT', deflateSync(Buffer.alloc(100)))
  return Buffer.concat([signature, chunk('IHDR', size), pixels, chunk('IEND', Buffer.alloc(0))])
}

let root: string
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'archloom-limits-'))
})
afterAll(() => rmSync(root, { recursive: true }))

describe('images that would take too much', () => {
  let entities = '<!DOCTYPE svg [<!ENTITY a0 "aaaaaaaaaa">'
  for (let i = 1; i < 10; i++) entities += `<!ENTITY a${i} "${`&a${i - 1};`.repeat(10)}">`
  it.each([
    ['a drawing of 5,000 × 5,000 pixels', drawing(5000, 5000), /5000×5000 pixels; at most 16,777,216/],
    ['a drawing of a million pixels each way', drawing(1e6, 1e6), /pixel/],
    ['a drawing of 5 million bytes', drawing(9, 9, ' '.repeat(5e6)), /bytes; at most 4,194,304/],
    ['the same behind a comment', `<!-- x -->\n${drawing(9, 9, ' '.repeat(5e6))}`, /bytes; at most 4,194,304/],
    ['a compressed drawing', gzipSync(drawing(9, 9, ' '.repeat(5e7))), /compressed by gzip/],
    ['entities within entities', `<?xml version="1.0"?>${entities}]>${drawing(9, 9, '<text>&a9;</text>')}`, /./],
    ['an image of 300 million pixels', headerOf(30_000, 10_000), /pixel/],
    ['an image of 2^60 pixels', headerOf(2 ** 30, 2 ** 30), /./],
  ])('%s: refused by code, from memory, from a file and in a folder of classes', async (_, content, reason) => {
    const bytes = Buffer.from(content as string)
    mkdirSync(join(root, 'classes/a'), { recursive: true })
    const path = join(root, 'classes/a/image.svg')
    writeFileSync(path, bytes)
    for (const source of [bytes, path])
      await expect(readPicture(source)).rejects.toMatchObject({
        code: 'ARCHLOOM_PICTURE_UNREADABLE',
        details: { reason: expect.stringMatching(reason) },
      })
    await expect(readImageFolder(join(root, 'classes'))).rejects.toMatchObject({
      code: 'ARCHLOOM_IMAGE_UNDECODABLE',
      details: { path, reason: expect.stringMatching(reason) },
    })
  })

  it('drawings within the limits are read', async () => {
    for (const content of [drawing(20, 10), `<?xml version="1.0"?>\n${drawing(20, 10)}`, `\n\n ${drawing(20, 10)}`])
      expect(await readPicture(Buffer.from(content))).toMatchObject({ height: 10, width: 20 })
    expect(IMAGE_LIMITS).toEqual({ pixels: 268_402_689, drawnPixels: 16_777_216, drawingBytes: 4_194_304 })
  })
})

describe('data files that unpack to more than 1 GiB', () => {
  it('are ARCHLOOM_DATA_GZIP_CORRUPT before anything is unpacked, by the size that they promise', async () => {
    const bytes = gzipSync(new Uint8Array(1000))
    bytes.writeUInt32LE(2 ** 30 + 1, bytes.length - 4)
    const path = join(root, 'labels.gz')
    writeFileSync(path, bytes)
    await expect(readIdxLabels(path)).rejects.toMatchObject({
      code: 'ARCHLOOM_DATA_GZIP_CORRUPT',
      details: { path, reason: 'it unpacks to 1073741825 bytes; at most 1073741824 are read' },
    })
  })

  it('and while they are unpacked, where they promise less', { timeout: 120_000 }, async () => {
    // Members follow each other in one file; the last one's promise is all that its end tells.
    const member = gzipSync(new Uint8Array(64 * 1024 ** 2), { level: 1 })
    const path = join(root, 'members.gz')
    writeFileSync(path, Buffer.concat([...new Array(16).fill(member), gzipSync('end')]))
    await expect(readIdxLabels(path)).rejects.toMatchObject({
      code: 'ARCHLOOM_DATA_GZIP_CORRUPT',
      details: { path, reason: expect.stringMatching(/larger than 1073741824/) },
    })
  })
})
