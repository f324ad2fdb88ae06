import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { seeded } from '../../../core/random.ts'
import { useEngine } from '../../../core/tensor/index.ts'
import {
  drawScene,
  readPicture,
  readRaster,
  resizeImage,
  writePicture,
  writeRaster,
} from '../../../evaluators/data/images/index.ts'
import {
  assembleFrames,
  defaultOutput,
  extractFrames,
  filePairs,
  frameRate,
  type LoadedUpscaler,
  loadUpscaler,
  saveUpscaler,
  selfEnsembled,
  upscaleFiles,
  upscaleTiled,
} from '../../../evaluators/upscaling/index.ts'
import { compact, network } from './models.ts'

let directory: string
let model: LoadedUpscaler
const at = (...names: string[]) => join(directory, ...names)

beforeAll(async () => {
  await useEngine('wasm')
  directory = mkdtempSync(join(tmpdir(), 'archloom-files-'))
  using made = network()
  await saveUpscaler(at('model'), made, { kind: 'compact', options: { ...compact }, reach: 4 })
  model = await loadUpscaler(at('model'))
  await writePicture(at('in', 'a2.png'), drawScene(9, 7, seeded('a')))
  await writePicture(at('in', 'a10.jpg'), drawScene(8, 8, seeded('b')))
}, 60_000)
afterAll(() => {
  model[Symbol.dispose]()
  rmSync(directory, { recursive: true })
})

const all = async (pairs: Parameters<typeof upscaleFiles>[1], options = {}) => {
  const done = []
  for await (const one of upscaleFiles(model, pairs, options)) done.push(one)
  return done
}

describe('what is read and written', () => {
  it('file to file, file into folder, folder into folder', async () => {
    const [a, b] = [at('in', 'a2.png'), at('in', 'a10.jpg')]
    expect(await filePairs(a, at('x.webp'))).toEqual([{ from: a, to: at('x.webp') }])
    expect(await filePairs(b, at('out'))).toEqual([{ from: b, to: at('out', 'a10.png') }])
    expect(await filePairs(at('in'), at('out'))).toEqual([
      { from: a, to: at('out', 'a2.png') },
      { from: b, to: at('out', 'a10.png') },
    ])
  })

  it('refuses what would do harm or cannot be', async () => {
    const a = at('in', 'a2.png')
    await expect(filePairs(a, a)).rejects.toThrow(/ARCHLOOM_UPSCALING_PATHS: .*overwrite itself/)
    await expect(filePairs(a, at('in'))).rejects.toThrow(/overwrite itself/)
    await expect(filePairs(at('in'), at('x.png'))).rejects.toThrow(/the output must be a folder/)
    await expect(filePairs(a, at('x.tiff'))).rejects.toThrow(/images are written as \.png/)
    await expect(filePairs(at('in'), at('out'), { format: 'gif' as 'png' })).rejects.toThrow(
      /ARCHLOOM_OPTION.*"png" or "jpg" or "webp"/,
    )
  })

  it('goes into folders, and gives two images of one name different names', async () => {
    for (const name of ['a.png', 'a.jpg', 'A.webp', 'b.jpg', 'sub/a.png', 'sub/.hidden/x.png', 'a-jpg.png'])
      await writePicture(at('tree', ...name.split('/')), drawScene(4, 4, seeded(1)))
    const names = (await filePairs(at('tree'), at('large'))).map(({ from, to }) => [
      from.slice(at('tree').length + 1),
      to.slice(at('large').length + 1),
    ])
    expect(Object.fromEntries(names)).toEqual({
      'a.png': 'a-png.png',
      'a.jpg': 'a-jpg-2.png',
      'A.webp': 'A-webp.png',
      'a-jpg.png': 'a-jpg.png',
      'b.jpg': 'b.png',
      'sub/a.png': 'sub/a.png',
    })
    // The results lie within the folder that is read: they are not read again.
    const inside = await filePairs(at('tree'), at('tree', 'sub'), { format: 'webp' })
    expect(inside.map(({ from }) => from.slice(at('tree').length + 1)).sort()).toEqual(
      ['A.webp', 'a-jpg.png', 'a.jpg', 'a.png', 'b.jpg'].sort(),
    )
    expect(inside.every(({ to }) => to.endsWith('.webp'))).toBe(true)
  })
})

describe('files', () => {
  it('are enlarged one by one, with progress and comparison', async () => {
    const shares: number[] = []
    const pairs = await filePairs(at('in'), at('out'))
    const done = await all(pairs, { compare: true, onProgress: (share: number) => shares.push(share) })
    expect(shares).toEqual([0.5, 1])
    expect(done).toEqual([
      { ...pairs[0], size: ['7×9', '14×18'], scale: 2, notes: [], comparison: at('out', 'a2-compared.png') },
      { ...pairs[1], size: ['8×8', '16×16'], scale: 2, notes: [], comparison: at('out', 'a10-compared.png') },
    ])
    const expected = await upscaleTiled({ network: model.network, reach: 4 }, await readPicture(at('in', 'a2.png')))
    expect((await readPicture(at('out', 'a2.png'))).pixels).toEqual(expected.pixels)
    expect(await readPicture(at('out', 'a2-compared.png'))).toMatchObject({ height: 18, width: 32 })
  })

  it('of every kind: grey, 16 bits, transparent, one pixel; what is lost is said', async () => {
    const raw = (channels: 1 | 3 | 4, side: number) => {
      const data = Uint8Array.from({ length: side * side * channels }, (_, i) => (53 * i) % 256)
      return sharp(data, { raw: { height: side, width: side, channels } })
    }
    mkdirSync(at('odd'))
    await raw(1, 5).toColourspace('b-w').png().toFile(at('odd', 'grey.png'))
    await raw(3, 5).toColourspace('rgb16').png().toFile(at('odd', 'deep.png'))
    await raw(4, 5).png().toFile(at('odd', 'clear.png'))
    await raw(3, 1).png().toFile(at('odd', 'one.png'))
    const done = await all(await filePairs(at('odd'), at('odd-out')))
    const facts = done.map((one) => ('notes' in one ? [...one.notes, one.size[1]] : [one.failure]))
    expect(facts).toEqual([['10×10'], ['10×10'], ['10×10'], ['2×2']])
    expect((await sharp(at('odd-out', 'deep.png')).metadata()).depth).toBe('ushort')
    const [shallow] = await all(await filePairs(at('odd', 'deep.png'), at('shallow.webp')))
    expect(shallow).toMatchObject({ notes: [expect.stringMatching(/16-bit values, reduced to 8 bits/)] })
    const channels = async (name: string) => (await sharp(at('odd-out', name)).metadata()).channels
    expect([await channels('grey.png'), await channels('clear.png'), await channels('deep.png')]).toEqual([1, 4, 3])
    expect((await readPicture(at('odd-out', 'grey.png'), { grey: 'keep' })).channels).toBe(1)
    // JPEG has no transparency: composited on black, with a note.
    const [flat] = await all(await filePairs(at('odd', 'clear.png'), at('flat.jpg')))
    expect(flat).toMatchObject({ notes: [expect.stringMatching(/transparency, composited on black/)] })
    const [bare] = await all(await filePairs(at('in', 'a2.png'), at('odd-out', 'profile.webp')))
    expect(bare).toMatchObject({ notes: [] })
  })

  it('keep transparency, without dark fringes from invisible pixels', async () => {
    // A white disc on invisible black.
    const data = new Uint8Array(20 * 20 * 4)
    for (let y = 0; y < 20; y++)
      for (let x = 0; x < 20; x++)
        if ((y - 9.5) ** 2 + (x - 9.5) ** 2 < 40) data.fill(255, 4 * (y * 20 + x), 4 * (y * 20 + x) + 4)
    await sharp(data, { raw: { height: 20, width: 20, channels: 4 } })
      .png()
      .toFile(at('disc.png'))
    await all(await filePairs(at('disc.png'), at('disc-large.png')))
    const { alpha, pixels } = await readPicture(at('disc-large.png'), { alpha: 'keep' })
    expect(alpha).toMatchObject({ height: 40, width: 40, channels: 1 })
    // Visible pixels are those of an image that is white everywhere.
    const white = { height: 20, width: 20, channels: 3, pixels: new Uint8Array(1200).fill(255) } as const
    const expected = await upscaleTiled({ network: model.network, reach: 4 }, white)
    alpha!.pixels.forEach((opacity, i) => {
      if (opacity > 0) expect(pixels[3 * i]).toBe(expected.pixels[3 * i])
    })
    expect([alpha!.pixels[0], alpha!.pixels[20 * 40 + 20]]).toEqual([0, 255])
  })

  it('keep their colour profile, their metadata and their upright place', async () => {
    await sharp(new Uint8Array(60).fill(120), { raw: { height: 4, width: 5, channels: 3 } })
      .withMetadata({ orientation: 6, exif: { IFD0: { Artist: 'nobody' } } })
      .withIccProfile('p3')
      .jpeg()
      .toFile(at('wide.jpg'))
    const [wide] = await all(await filePairs(at('wide.jpg'), at('wide-large.png')))
    expect(wide).toMatchObject({ size: ['4×5', '8×10'], notes: ['turned upright by its orientation tag'] })
    const [before, after] = await Promise.all(
      [at('wide.jpg'), at('wide-large.png')].map((path) => sharp(path).metadata()),
    )
    expect(after).toMatchObject({ width: 8, height: 10, orientation: 1 })
    expect(after?.icc).toEqual(before?.icc)
    expect(after?.exif?.includes('nobody')).toBe(true)
  })

  it('compute 16 bits from 16 bits: the result has more than 256 steps', async () => {
    const pixels = Uint16Array.from({ length: 40 * 40 * 3 }, (_, i) => 20_000 + 7 * Math.floor(i / 3))
    await writeRaster(at('ramp.png'), { height: 40, width: 40, channels: 3, pixels })
    await all(await filePairs(at('ramp.png'), at('ramp-large.png')))
    const { pixels: large } = await readRaster(at('ramp-large.png'), { for: 'png' })
    expect(large).toBeInstanceOf(Uint16Array)
    expect(new Set([...large].map((value) => value % 257)).size).toBeGreaterThan(200)
  })

  it('are enlarged by fractions, from the next larger network, and by the average of eight', async () => {
    const pairs = await filePairs(at('in', 'a2.png'), at('fraction.png'))
    const [fraction] = await all(pairs, { scale: 1.5 })
    expect(fraction).toMatchObject({ size: ['7×9', '11×14'], scale: 2 })
    const whole = await upscaleTiled({ network: model.network, reach: 4 }, await readPicture(at('in', 'a2.png')))
    const expected = resizeImage(whole, { height: 14, width: 11, filter: 'lanczos' })
    expect([...(await readPicture(at('fraction.png'))).pixels]).toEqual([...expected.pixels])
    await all(pairs, { selfEnsemble: true })
    const ensemble = await upscaleTiled(
      { network: selfEnsembled(model.network), reach: 4 },
      await readPicture(at('in', 'a2.png')),
    )
    expect([...(await readPicture(at('fraction.png'))).pixels]).toEqual([...ensemble.pixels])
    await expect(all(pairs, { scale: 3 })).rejects.toThrow(
      /ARCHLOOM_UPSCALING_SCALE: ×3 was requested; the network enlarges ×2\./,
    )
    for (const options of [{ scale: 0.5 }, { scale: 2, to: { width: 4 } }])
      await expect(all(pairs, options)).rejects.toThrow('ARCHLOOM_OPTION')
  })

  it('use the smallest of several networks that reaches the size of each', async () => {
    const used: number[] = []
    const family = {
      scales: [2, 4],
      at: async (scale: number) => {
        used.push(scale)
        return { ...model, network: { scale, enlarge: async (_: unknown, h: number, w: number) => new Float32Array(h * w * 3 * scale * scale).fill(90) } } // biome-ignore format: one line
      },
    }
    const sized = async (options: object) => {
      for await (const one of upscaleFiles(family, await filePairs(at('in', 'a2.png'), at('family.png')), options))
        return one
      return undefined
    }
    expect(await sized({})).toMatchObject({ scale: 2, size: ['7×9', '14×18'], notes: [] })
    expect(await sized({ scale: 3 })).toMatchObject({ scale: 4, size: ['7×9', '21×27'], notes: [] })
    expect(await sized({ to: { width: 14 } })).toMatchObject({ scale: 2, size: ['7×9', '14×18'] })
    expect(await sized({ to: { height: 19 } })).toMatchObject({ scale: 4, size: ['7×9', '15×19'] })
    expect(await sized({ to: { width: 35 } })).toMatchObject({ scale: 4, notes: [expect.stringMatching(/×4 by the network, and further/)] }) // biome-ignore format: one line
    expect(used).toEqual([2, 4, 2, 4, 4])
    expect(await sized({ to: { width: 5 } })).toMatchObject({ scale: 1, size: ['7×9', '5×6'], notes: [expect.stringMatching(/no network was used/)] }) // biome-ignore format: one line
    expect(used).toHaveLength(5)
  })

  it('go beside their source where no output is named', async () => {
    expect(await defaultOutput(at('in', 'a2.png'))).toBe(at('in', 'a2-x2.png'))
    expect(await defaultOutput(at('in', 'a10.jpg'), { scale: 1.5, format: 'webp' })).toBe(at('in', 'a10-x1.5.webp'))
    expect(await defaultOutput(at('in'), { to: { width: 1920 } })).toBe(`${at('in')}-1920x`)
    expect(await defaultOutput(`${at('in')}/`, { scale: 4 })).toBe(`${at('in')}-x4`)
    expect(await defaultOutput('film.MOV')).toBe('film-x2.mov')
    expect(await defaultOutput('film.avi', { to: { height: 1080 } })).toBe('film-x1080.mp4')
    expect(await filePairs('film.avi', at('in'))).toEqual([{ from: 'film.avi', to: at('in', 'film.mp4') }])
  })

  it('are brought to a size on request', async () => {
    for (const [to, size] of [
      [{ width: 21 }, '21×27'],
      [{ height: 30 }, '23×30'],
      [{ width: 10, height: 10 }, '10×10'],
    ] as const) {
      const [done] = await all(await filePairs(at('in', 'a2.png'), at('sized.png')), { to })
      expect(done).toMatchObject({ size: ['7×9', size] })
    }
    for (const options of [{ to: { width: 0 } }, { to: { depth: 3 } }, { quality: 101 }])
      await expect(all(await filePairs(at('in', 'a2.png'), at('sized.png')), options)).rejects.toThrow(
        'ARCHLOOM_OPTION',
      )
  })

  it('whose result could not be written are refused before anything is computed', async () => {
    await sharp({ create: { width: 16_000, height: 6_000, channels: 3, background: '#888' } })
      .png()
      .toFile(at('huge.png'))
    const onProgress = vi.fn()
    await expect(all(await filePairs(at('huge.png'), at('huge-large.png')), { onProgress })).rejects.toThrow(
      /ARCHLOOM_UPSCALING_SIZE: .*huge\.png" would become 32000×12000 pixels; at most 268,402,689/,
    )
    expect(onProgress).not.toHaveBeenCalled()
    const to = { width: 60_000 }
    await expect(all(await filePairs(at('in', 'a2.png'), at('x.png')), { to })).rejects.toThrow(
      'ARCHLOOM_UPSCALING_SIZE',
    )
  })

  it('that are cut short fail alone; a single one throws', async () => {
    await writePicture(at('cut', 'a.png'), drawScene(30, 30, seeded('a')))
    await writePicture(at('cut', 'b.png'), drawScene(8, 8, seeded('b')))
    truncateSync(at('cut', 'a.png'), 400)
    const done = await all(await filePairs(at('cut'), at('cut-out')))
    expect(done[0]).toMatchObject({ failure: expect.stringMatching(/^ARCHLOOM_PICTURE_UNREADABLE/) })
    expect(done[1]).toMatchObject({ size: ['8×8', '16×16'] })
    expect([existsSync(at('cut-out', 'a.png')), existsSync(at('cut-out', 'b.png'))]).toEqual([false, true])
    await expect(all(await filePairs(at('cut', 'a.png'), at('cut-out')))).rejects.toThrow('ARCHLOOM_PICTURE_UNREADABLE')
  })

  it('are left when stopped', async () => {
    const stop = new AbortController()
    const pairs = await filePairs(at('in'), at('stopped'))
    const work = all(pairs, { signal: stop.signal, onProgress: () => stop.abort(new Error('enough')) })
    await expect(work).rejects.toThrow('enough')
    expect(existsSync(at('stopped', 'a10.png'))).toBe(false)
  })
})

describe('films', () => {
  const path = process.env.PATH
  const programs = (files: Readonly<Record<string, string>>) => {
    const folder = mkdtempSync(at('bin-'))
    for (const [name, script] of Object.entries(files)) {
      writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`)
      chmodSync(join(folder, name), 0o755)
    }
    process.env.PATH = `${folder}${delimiter}${path}`
    return folder
  }

  it('need ffmpeg, and report if it is missing', async () => {
    process.env.PATH = at('nowhere')
    try {
      await expect(extractFrames(at('film.mp4'), at('frames'))).rejects.toThrow(
        /ARCHLOOM_VIDEO: .*ffmpeg is not installed.*folder of frames/,
      )
    } finally {
      process.env.PATH = path
    }
  })

  it('are taken apart and put together by it', async () => {
    // Stands in for ffmpeg: keeps what it was told, and writes two frames.
    const folder = programs({
      ffprobe: 'echo 24000/1001',
      ffmpeg: `echo "$@" >> ${at('told.txt')}; for last; do :; done
case "$last" in *%06d.png) for n in 1 2; do cp ${at('in', 'a2.png')} "$(dirname "$last")/frame_00000$n.png"; done;; *) echo film > "$last";; esac`,
    })
    try {
      expect(await frameRate(at('film.mp4'))).toBe('24000/1001')
      const frames = await extractFrames(at('film.mp4'), at('frames'))
      expect(frames).toEqual([at('frames', 'frame_000001.png'), at('frames', 'frame_000002.png')])
      await assembleFrames(at('frames'), at('made', 'large.mp4'), { framesPerSecond: '24000/1001' })
      expect(existsSync(at('made', 'large.mp4'))).toBe(true)
      const told = readFileSync(at('told.txt'), 'utf8').trim().split('\n')
      expect(told[0]).toContain(`-i ${at('film.mp4')} ${at('frames', 'frame_%06d.png')}`)
      expect(told[1]).toContain(`-framerate 24000/1001 -i ${at('frames', 'frame_%06d.png')}`)
      programs({ ffprobe: 'echo nothing', ffmpeg: 'echo "moov atom not found" >&2; exit 1' })
      await expect(frameRate(at('film.mp4'))).rejects.toThrow(/ARCHLOOM_VIDEO: .*reads "nothing"/)
      await expect(extractFrames(at('film.mp4'), at('frames'))).rejects.toThrow(/ARCHLOOM_VIDEO: .*moov atom not found/)
    } finally {
      process.env.PATH = path
      rmSync(folder, { recursive: true })
    }
  })
})
