import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { levelsOf, readRaster, resizeImage, writeRaster } from '../../../../evaluators/data/images/index.ts'
import { crc32, keepable, uprightExif } from '../../../../evaluators/data/images/metadata.ts'

let directory: string
const at = (name: string) => join(directory, name)
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'archloom-raster-'))
})
afterAll(() => rmSync(directory, { recursive: true }))

const bytes = (count: number) => Uint8Array.from({ length: count }, (_, i) => (53 * i + 7 * (i >> 3)) % 256)
const words = (count: number) => Uint16Array.from({ length: count }, (_, i) => (4099 * i + 17) % 65_536)
const xmp =
  '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'

/** A turned image of 6 columns and 4 rows with everything that a file can say. */
const described = () =>
  sharp(bytes(72), { raw: { height: 4, width: 6, channels: 3 } })
    .withMetadata({ orientation: 6, exif: { IFD0: { Artist: 'nobody' }, IFD2: { PixelXDimension: '6' } } })
    .withXmp(xmp)

describe('image files with everything that they hold', () => {
  it.each(['png', 'jpeg', 'webp'] as const)('keep profile, EXIF and XMP in %s, upright', async (format) => {
    // An encoder that also writes the profile would convert the values to it.
    await described()
      .withIccProfile('p3')
      .toFormat('png')
      .toFile(at(`in-${format}.png`))
    const before = await sharp(at(`in-${format}.png`)).metadata()
    const image = await readRaster(at(`in-${format}.png`), { for: format })
    expect(image).toMatchObject({ height: 6, width: 4, notes: ['turned upright by its orientation tag'] })
    await writeRaster(at(`out.${format}`), image, { metadata: image.metadata })
    const after = await sharp(at(`out.${format}`)).metadata()
    expect(after).toMatchObject({ height: 6, width: 4, format, orientation: 1 })
    expect(after.icc).toEqual(before.icc)
    expect(after.xmp?.toString()).toContain('tiff:Orientation="1"')
    expect(after.exif?.includes('nobody')).toBe(true)
    // The pixels are those of a file without.
    await writeRaster(at(`bare.${format}`), image)
    const pixels = (name: string) => sharp(at(name), { ignoreIcc: true }).raw().toBuffer()
    expect(await pixels(`out.${format}`)).toEqual(await pixels(`bare.${format}`))
    expect((await sharp(at(`bare.${format}`)).metadata()).icc).toBeUndefined()
  })

  it('keep values in their profile instead of converting them', async () => {
    await sharp(bytes(75), { raw: { height: 5, width: 5, channels: 3 } })
      .withIccProfile('p3')
      .png()
      .toFile(at('p3.png'))
    const stored = await sharp(at('p3.png'), { ignoreIcc: true }).raw().toBuffer()
    const { pixels } = await readRaster(at('p3.png'), { for: 'png' })
    expect([...pixels]).toEqual([...stored])
    expect([...(await sharp(at('p3.png')).raw().toBuffer())]).not.toEqual([...stored])
  })

  it('keep 16 bits, grey and opacity in PNG, and say what JPEG and WebP cannot hold', async () => {
    for (const [channels, alpha] of [
      [1, false],
      [1, true],
      [3, false],
      [3, true],
    ] as const) {
      const image = { height: 5, width: 7, channels, pixels: words(35 * channels) }
      const opacity = { height: 5, width: 7, channels: 1, pixels: words(35).reverse() } as const
      await writeRaster(at('deep.png'), image, alpha ? { alpha: opacity } : {})
      expect((await sharp(at('deep.png')).metadata()).depth).toBe('ushort')
      const back = await readRaster(at('deep.png'), { for: 'png' })
      expect([back.channels, levelsOf(back), [...back.pixels]]).toEqual([channels, 65_535, [...image.pixels]])
      expect(back.alpha && [...back.alpha.pixels]).toEqual(alpha ? [...opacity.pixels] : undefined)
      const web = await readRaster(at('deep.png'), { for: 'webp' })
      expect([levelsOf(web), web.notes]).toEqual([255, [expect.stringMatching(/16-bit values, reduced to 8 bits/)]])
      const jpeg = await readRaster(at('deep.png'), { for: 'jpeg' })
      expect(jpeg.notes.some((note) => /transparency/.test(note))).toBe(alpha)
      expect([jpeg.alpha, jpeg.channels]).toEqual([undefined, channels])
    }
  })

  it('keep the opacity of WebP beside metadata, in both of its forms', async () => {
    const image = { height: 9, width: 8, channels: 3, pixels: bytes(216) } as const
    const alpha = { height: 9, width: 8, channels: 1, pixels: bytes(72) } as const
    const metadata = { xmp: 'x', exif: Uint8Array.of(0x49, 0x49, 42, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0) }
    await writeRaster(at('clear.webp'), image, { alpha, metadata })
    const back = await readRaster(at('clear.webp'), { for: 'webp' })
    expect([...(back.alpha?.pixels ?? [])]).toEqual([...alpha.pixels])
    expect(back.metadata).toMatchObject({ xmp: 'x' })
  })

  it('leave out of JPEG what is too long for it, and say so', () => {
    const all = { exif: new Uint8Array(70_000), xmp: 'x'.repeat(66_000), profile: new Uint8Array(200_000) }
    const { kept, notes } = keepable(all, 'jpeg')
    expect(kept).toEqual({ profile: all.profile })
    expect(notes).toEqual([
      expect.stringMatching(/^EXIF of 70000 bytes, which a JPEG/),
      expect.stringMatching(/^XMP of 66000/),
    ])
    expect(keepable(all, 'png')).toEqual({ kept: all, notes: [] })
  })

  it('spread a long profile over several segments of a JPEG', async () => {
    const image = { height: 5, width: 5, channels: 3, pixels: bytes(75) } as const
    await sharp(bytes(75), { raw: { height: 5, width: 5, channels: 3 } })
      .withIccProfile('p3')
      .png()
      .toFile(at('short.png'))
    const { icc } = await sharp(at('short.png')).metadata()
    // A profile states its length, and what follows its tables is not read.
    const profile = new Uint8Array(150_000)
    profile.set(icc!)
    new DataView(profile.buffer).setUint32(0, profile.length)
    await writeRaster(at('long.jpg'), image, { metadata: { profile } })
    expect((await sharp(at('long.jpg')).metadata()).icc?.length).toBe(150_000)
  })

  it('refuse what is no image, and other formats', async () => {
    await expect(readRaster(at('none.png'), { for: 'png' })).rejects.toThrow('ARCHLOOM_PICTURE_UNREADABLE')
    const image = { height: 1, width: 1, channels: 1, pixels: bytes(1) } as const
    await expect(writeRaster(at('x.gif'), image)).rejects.toThrow(/ARCHLOOM_PICTURE_UNWRITABLE.*\.gif/)
  })
})

describe('their parts', () => {
  it('have the checksum of PNG', () => {
    expect(crc32(Buffer.from('123456789'))).toBe(0xcbf43926)
  })

  it('damaged EXIF is recognised or left alone', () => {
    expect(uprightExif(Buffer.from('no EXIF at all'), { height: 1, width: 1 })).toBeUndefined()
    // A folder that lies beyond the end.
    const cut = Uint8Array.of(0x4d, 0x4d, 0, 42, 0, 0, 1, 0)
    expect(uprightExif(cut, { height: 1, width: 1 })).toEqual(cut)
  })

  it('are resized by Lanczos as Pillow does, and in 16 bits', () => {
    const line = (...values: number[]) =>
      ({ height: 1, width: values.length, channels: 1, pixels: Uint8Array.from(values) }) as const
    const six = line(10, 60, 200, 30, 90, 250)
    const to = (width: number) => [...resizeImage(six, { height: 1, width, filter: 'lanczos' }).pixels]
    expect(to(4)).toEqual([18, 149, 55, 197])
    expect(to(3)).toEqual([61, 103, 149])
    expect(to(9)).toEqual([9, 15, 91, 200, 127, 14, 58, 188, 255])
    const pixels = Uint8Array.from({ length: 20 }, (_, i) => (37 * i * i + 11 * i) % 256)
    const block = { height: 4, width: 5, channels: 1, pixels } as const
    const three = resizeImage(block, { height: 3, width: 3, filter: 'lanczos' })
    expect([...three.pixels]).toEqual([45, 126, 94, 219, 135, 162, 136, 152, 234])
    const deep = resizeImage(
      { ...block, pixels: Uint16Array.from(pixels, (value) => 257 * value) },
      { height: 3, width: 3, filter: 'lanczos' },
    )
    expect(deep.pixels).toBeInstanceOf(Uint16Array)
    deep.pixels.forEach((value, i) => {
      expect(Math.abs(value / 257 - three.pixels[i]!)).toBeLessThan(1.5)
    })
    expect(() => resizeImage(six, { height: 1, width: 2, filter: 'nearest' as 'lanczos' })).toThrow('ARCHLOOM_OPTION')
  })
})
