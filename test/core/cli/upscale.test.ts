import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { seeded } from 'archloom'
import { drawScene, readPicture, writePicture } from 'archloom/evaluators/data/images'
import { loadUpscaler, saveUpscaler } from 'archloom/evaluators/upscaling'
import { exportOnnx } from 'archloom/plugins/onnx'
import { buildCompactNetwork } from 'archloom/search-spaces/super-resolution'
import { useEngine } from 'archloom/tensor'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { archloom } from './terminal.ts'

const bin = fileURLToPath(new URL('../../../core/cli/bin.mjs', import.meta.url))
let directory: string
const at = (...names: string[]) => join(directory, ...names)
const upscale = (...args: string[]) => archloom('upscale', '--engine', 'wasm', '--model', at('model'), ...args)

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'archloom-upscale-'))
  await useEngine('wasm')
  const options = { scale: 2, features: 4, blocks: 1 }
  using network = buildCompactNetwork(options, { input: [8, 8, 3], rng: seeded('cli') })
  await saveUpscaler(at('model'), network, { kind: 'compact', options, reach: 2 })
  for (const name of ['one', 'two']) await writePicture(at('in', `${name}.png`), drawScene(30, 21, seeded(name)))
}, 60_000)
afterAll(() => rmSync(directory, { recursive: true }))

describe('archloom upscale', () => {
  it('enlarges a picture, shows progress, and speaks JSON', async () => {
    const { code, json, stderr } = await upscale(at('in', 'one.png'), at('large.png'), '--json', '--tile', '16')
    expect(code).toBe(0)
    expect(await readPicture(at('large.png'))).toMatchObject({ height: 60, width: 42 })
    expect(json).toMatchObject({
      engine: 'wasm',
      failed: 0,
      model: { kind: 'compact', scale: 2, reach: 2 },
      images: [{ to: at('large.png'), size: ['21×30', '42×60'] }],
    })
    expect(stderr).toMatch(/compact ×2, \d+ parameters, engine wasm/)
    expect(stderr).toMatch(/\d+ %( {2}.* left)? {2}.*one\.png/)
  })

  it('enlarges a folder, and continues after a truncated image', async () => {
    await writePicture(at('mixed', 'a.png'), drawScene(40, 40, seeded('a')))
    await writePicture(at('mixed', 'b.png'), drawScene(8, 8, seeded('b')))
    truncateSync(at('mixed', 'a.png'), 500)
    const { code, stdout, stderr } = await upscale(at('mixed'), at('out'), '--compare', '--overlap', '0')
    expect(code).toBe(1)
    expect(stdout).toContain('1 of 2 enlarged ×2')
    expect(stderr).toMatch(/a\.png: ARCHLOOM_PICTURE_UNREADABLE/)
    expect(existsSync(at('out', 'b-compared.png'))).toBe(true)
  })

  it('stops at Ctrl-C with only complete images, and continues with the missing ones', {
    timeout: 60_000,
  }, async () => {
    await writePicture(at('many', 'a.png'), drawScene(12, 12, seeded('a')))
    await writePicture(at('many', 'b.png'), drawScene(160, 160, seeded('b')))
    const words = ['--engine', 'cpu', '--model', at('model'), '--tile', '8', at('many'), at('done')]
    const child = spawn(process.execPath, [bin, 'upscale', ...words])
    let [stdout, stderr] = ['', '']
    child.stdout.on('data', (chunk) => {
      stdout += chunk
    })
    child.stderr.on('data', (chunk) => {
      if (!stderr.includes('a.png 12×12') && `${stderr}${chunk}`.includes('a.png 12×12')) child.kill('SIGINT')
      stderr += chunk
    })
    const code = await new Promise((closed) => child.on('close', closed))
    expect([code, stdout]).toEqual([130, expect.stringMatching(/^1 of 2 enlarged.*\nstopped; .*--missing\n$/)])
    expect(readdirSync(at('done'))).toEqual(['a.png'])

    const rest = await upscale(at('many'), at('done'), '--missing', '--json')
    expect(rest.stderr).toContain('1 of 2 exist already')
    expect([rest.code, rest.json.images.length]).toEqual([0, 1])
    expect(readdirSync(at('done'))).toEqual(['a.png', 'b.png'])
  })

  it('writes a size, a quality and a format', async () => {
    const { code, json } = await upscale(
      at('in'),
      at('sized'),
      '--to',
      '30x',
      '--format',
      'webp',
      '--quality',
      '40',
      '--json',
    )
    expect([code, json.failed]).toEqual([0, 0])
    expect(readdirSync(at('sized'))).toEqual(['one.webp', 'two.webp'])
    expect(await readPicture(at('sized', 'one.webp'))).toMatchObject({ height: 43, width: 30 })
  })

  const wrong: [string, number, RegExp, ...string[]][] = [
    ['a size that is none', 2, /Expected a size in pixels such as 1920x/, 'one.png', 'x.png', '--to', 'x'],
    ['a format that is none', 2, /Allowed choices are png, jpg, webp/, 'one.png', 'out', '--format', 'gif'],
    ['a quality that is none', 1, /ARCHLOOM_OPTION: .*quality.* is 101/, 'one.png', 'x.jpg', '--quality', '101'],
    [
      'another scale',
      1,
      /(?:^|\n)ARCHLOOM_UPSCALING_SCALE: ×4 was requested; the network enlarges ×2/,
      'one.png',
      'x.png',
      '--scale',
      '4',
    ],
    ['a scale that would reduce', 2, /number of at least 1/, 'one.png', 'x.png', '--scale', '0.5'],
    ['a scale and a size', 1, /ARCHLOOM_OPTION.*`scale` is given/, 'one.png', 'x.png', '--scale', '2', '--to', '40x'],
    ['a range that is none', 2, /Allowed choices are 1, 255/, 'one.png', 'x.png', '--range', '2'],
    ['a scale that is none', 2, /number of at least 1, such as 2 or 1\.5/, 'one.png', 'x.png', '--scale', 'two'],
    ['a tile too small', 1, /ARCHLOOM_OPTION: .*tile" is 4/, 'one.png', 'x.png', '--tile', '4'],
    ['a picture that is not there', 1, /ARCHLOOM_PICTURE_UNREADABLE/, 'three.png', 'x.png'],
    ['a picture over itself', 1, /^ARCHLOOM_UPSCALING_PATHS/, 'one.png', 'in'],
  ]
  it.each(wrong)('%s ends with %i and says so', async (_, code, says, from, to = '', ...args) => {
    const result = await upscale(at('in', from as string), at(to), ...args)
    expect(result.stderr).toMatch(says)
    expect(result.code).toBe(code)
  })

  it('a folder that is no model ends with 1, and so does a file', async () => {
    const none = await archloom('upscale', '--engine', 'wasm', '--model', at('in'), at('in'), at('out'))
    expect([none.code, none.stderr]).toEqual([1, expect.stringMatching(/^ARCHLOOM_UPSCALER_FOLDER/)])
    writeFileSync(at('none.onnx'), 'no model')
    const file = await archloom('upscale', '--engine', 'wasm', '--model', at('none.onnx'), at('in'), at('out'))
    expect([file.code, file.stderr]).toEqual([1, expect.stringMatching(/^ARCHLOOM_ONNX_FILE/)])
  })

  it('writes fractions and sizes, beside the source where no output is named', async () => {
    const { code, json } = await upscale(at('in', 'one.png'), '--scale', '1.5', '--json')
    expect([code, json.images]).toEqual([0, [expect.objectContaining({ to: at('in', 'one-x1.5.png'), size: ['21×30', '32×45'], scale: 2 })]]) // biome-ignore format: one line
    expect(existsSync(at('in', 'one-x1.5.png'))).toBe(true)
    rmSync(at('in', 'one-x1.5.png'))
  })

  it('runs an ONNX file, and averages over symmetries', async () => {
    const model = await loadUpscaler(at('model'))
    await exportOnnx(model.network, { file: at('model.onnx') })
    model[Symbol.dispose]()
    const words = ['--engine', 'wasm', at('in', 'one.png'), at('by-file.png')]
    const { code, json, stderr } = await archloom('upscale', '--model', at('model.onnx'), ...words, '--json')
    expect([code, json.model]).toEqual([0, expect.objectContaining({ kind: 'onnx', scale: 2, reach: 2, range: 255 })])
    expect(stderr).toMatch(/model\.onnx ×2, \d+ parameters, values up to 255/)
    await upscale(at('in', 'one.png'), at('by-folder.png'))
    const [one, other] = [await readPicture(at('by-file.png')), await readPicture(at('by-folder.png'))]
    expect(Math.max(...one.pixels.map((value, i) => Math.abs(value - other.pixels[i]!)))).toBeLessThanOrEqual(1)
    const ensemble = await upscale(at('in', 'one.png'), at('ensemble.png'), '--self-ensemble')
    expect([ensemble.code, existsSync(at('ensemble.png'))]).toEqual([0, true])
  })

  it('a film that cannot be read ends with 1, and says what films need', async () => {
    writeFileSync(at('film.mp4'), 'no film')
    const { code, stderr } = await upscale(at('film.mp4'))
    expect([code, stderr]).toEqual([1, expect.stringMatching(/ARCHLOOM_VIDEO: .*film\.mp4.*apt-get install ffmpeg/)])
  })
})
