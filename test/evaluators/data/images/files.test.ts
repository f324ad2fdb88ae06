import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { describe, expect, it } from 'vitest'
import { seeded } from '../../../../core/random.ts'
import {
  drawScene,
  encodePicture,
  fromYCbCr,
  luma,
  picture,
  picturesIn,
  readPicture,
  streamPictures,
  toRgb,
  toYCbCr,
  writePicture,
} from '../../../../evaluators/data/images/index.ts'
import { temporaryFile, temporaryFolder } from '../files.ts'

const scene = drawScene(20, 30, seeded('files'))
const square = { height: 8, width: 8 }

describe('image files', () => {
  it('come back from PNG as they were, from JPEG nearly', async () => {
    const folder = join(await temporaryFolder(), 'new', 'folder')
    await writePicture(join(folder, 'a.png'), scene)
    expect(await readPicture(join(folder, 'a.png'))).toEqual({ ...scene, notes: [] })
    await writePicture(join(folder, 'b.JPG'), scene, { quality: 100 })
    const lossy = await readPicture(join(folder, 'b.JPG'))
    const worst = Math.max(...lossy.pixels.map((value, i) => Math.abs(value - scene.pixels[i]!)))
    expect(worst).toBeGreaterThan(0)
    expect(worst).toBeLessThan(12)
    const rough = await encodePicture(scene, 'jpeg', { quality: 5 })
    expect(rough.length).toBeLessThan((await encodePicture(scene, 'jpeg')).length)
    expect((await readPicture(await encodePicture(scene, 'webp'))).height).toBe(20)
  })

  it('of one pixel and of odd sizes are read', async () => {
    const dot = picture(1, 1, 3, Uint8Array.of(1, 2, 3))
    expect((await readPicture(await encodePicture(dot))).pixels).toEqual(dot.pixels)
    const odd = drawScene(7, 13, seeded(1))
    expect((await readPicture(await encodePicture(odd))).pixels).toEqual(odd.pixels)
  })

  it('that are grey, 16-bit or transparent are converted, and that is said', async () => {
    const grey = picture(2, 3, 1, Uint8Array.of(0, 50, 100, 150, 200, 250))
    const read = await readPicture(await encodePicture(grey))
    expect(read.notes).toEqual(['grey, repeated as red, green and blue'])
    expect(read.pixels).toEqual(toRgb(grey).pixels)

    const raw = { height: 1, width: 2, channels: 3 } as const
    const deep = await sharp(Uint16Array.of(0, 257, 65535, 32896, 25700, 514), { raw })
      .toColourspace('rgb16')
      .png()
      .toBuffer()
    const reduced = await readPicture(deep)
    expect(reduced.notes).toEqual(['16-bit values, reduced to 8 bits'])
    expect([...reduced.pixels]).toEqual([0, 1, 255, 128, 100, 2])

    const clear = await sharp(Uint8Array.of(200, 100, 50, 255, 200, 100, 50, 0), { raw: { ...raw, channels: 4 } })
      .png()
      .toBuffer()
    const flat = await readPicture(clear)
    expect(flat.notes).toEqual(['transparency, composited on black'])
    expect([...flat.pixels]).toEqual([200, 100, 50, 0, 0, 0])
  })

  it('of inks (CMYK) and of palettes become red, green and blue; inks are said', async () => {
    const flat = sharp(picture(8, 8, 3, new Uint8Array(192).fill(128)).pixels, { raw: { ...square, channels: 3 } })
    const inks = await readPicture(await flat.clone().toColourspace('cmyk').jpeg({ quality: 100 }).toBuffer())
    expect(inks.notes).toEqual(['cmyk colours, converted to red, green and blue'])
    // Without a profile inks are guessed: near, not equal.
    expect(inks.pixels.every((value) => Math.abs(value - 128) < 16)).toBe(true)
    const palette = await readPicture(await flat.clone().png({ palette: true }).toBuffer())
    expect(palette.notes).toEqual([])
    expect(palette.pixels).toEqual(new Uint8Array(192).fill(128))
  })

  it('are written completely or not at all: existing files stay, and no partial file is left', async () => {
    const folder = await temporaryFolder()
    await mkdir(join(folder, 'taken.png'))
    await expect(writePicture(join(folder, 'taken.png'), scene)).rejects.toThrow('ARCHLOOM_PICTURE_UNWRITABLE')
    expect(await readdir(folder)).toEqual(['taken.png'])
  })

  it('that are cut short, missing or no images are refused', async () => {
    const bytes = await encodePicture(drawScene(64, 64, seeded(2)))
    const cut = await temporaryFile('cut.png', bytes.subarray(0, Math.floor(bytes.length / 2)))
    await expect(readPicture(cut)).rejects.toThrow('ARCHLOOM_PICTURE_UNREADABLE')
    await expect(readPicture(cut)).rejects.toThrow('cut.png')
    await expect(readPicture(join(await temporaryFolder(), 'none.png'))).rejects.toThrow('ARCHLOOM_PICTURE_UNREADABLE')
    await expect(readPicture(Uint8Array.of(1, 2, 3))).rejects.toThrow('ARCHLOOM_PICTURE_UNREADABLE')
    expect(() => picture(2, 2, 3, new Uint8Array(11))).toThrow('ARCHLOOM_PICTURE_PIXELS')
    await expect(writePicture('picture.txt', scene)).rejects.toThrow('ARCHLOOM_PICTURE_UNWRITABLE')
    await expect(writePicture(join(cut, 'below-a-file.png'), scene)).rejects.toThrow('ARCHLOOM_PICTURE_UNWRITABLE')
  })

  it('of a folder come one by one in natural order', async () => {
    const folder = await temporaryFolder()
    for (const name of ['frame_10.png', 'frame_9.png', 'frame_1.png']) await writePicture(join(folder, name), scene)
    await writeFile(join(folder, 'notes.txt'), 'no image')
    const names: string[] = []
    for await (const { path, picture: read } of streamPictures(folder)) {
      names.push(path.slice(folder.length + 1))
      expect(read.pixels).toEqual(scene.pixels)
    }
    expect(names).toEqual(['frame_1.png', 'frame_9.png', 'frame_10.png'])
    await mkdir(join(folder, 'empty'))
    await expect(picturesIn(join(folder, 'empty'))).rejects.toThrow('ARCHLOOM_PICTURE_FOLDER_EMPTY')
    await expect(picturesIn(join(folder, 'absent'))).rejects.toThrow('ARCHLOOM_PICTURE_FOLDER_EMPTY')
    expect((await readFile(join(folder, 'frame_1.png'))).length).toBeGreaterThan(100)
  })
})

describe('luma', () => {
  it('is 16 for black, 235 for white, and the same for grey images', () => {
    const rgb = picture(1, 3, 3, Uint8Array.of(0, 0, 0, 255, 255, 255, 9, 9, 9))
    const grey = picture(1, 3, 1, Uint8Array.of(0, 255, 9))
    const y = [16, 235, 16 + (219 * 9) / 255]
    y.forEach((value, i) => {
      expect(luma(rgb)[i]).toBeCloseTo(value, 10)
      expect(luma(grey)[i]).toBeCloseTo(value, 10)
    })
  })

  it('with its two chromas turns back into the picture', () => {
    const back = fromYCbCr(toYCbCr(scene), scene.height, scene.width)
    expect(back.pixels).toEqual(scene.pixels)
    expect(toYCbCr(picture(1, 1, 1, Uint8Array.of(128)))[1]).toBeCloseTo(128, 10)
  })
})
