import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { seeded } from 'archloom'
import { downscaleBicubic, drawScene, readPicture, writePicture } from 'archloom/evaluators/data/images'
import { fitUpscaler, loadModel } from 'archloom/fit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { main as cli } from '../../../core/cli/main.ts'
import { openOnnx } from '../../../plugins/onnx/index.ts'

let folder: string
let scenes: string
beforeAll(async () => {
  mkdirSync('.cache', { recursive: true })
  folder = resolve(mkdtempSync(join('.cache', 'fit-upscale-')))
  scenes = join(folder, 'scenes')
  mkdirSync(join(scenes, 'more'), { recursive: true })
  for (let i = 0; i < 8; i++) {
    const scene = drawScene(96, 96, seeded(`scene ${i}`))
    await writePicture(join(scenes, i < 6 ? '' : 'more', `${i}.png`), scene)
  }
})
afterAll(() => rmSync(folder, { recursive: true }))

const said: string[] = []
const terminal = { write: (text: string) => void said.push(text) }
const terminals = { stdout: terminal, stderr: terminal }

describe('fit --task upscale', () => {
  it('finds a network that is better than bicubic enlargement on held-out images, for archloom upscale and ONNX', async () => {
    const out = join(folder, 'model')
    using result = await fitUpscaler({
      data: scenes,
      fit: { budget: { steps: 80 }, trials: 2, limits: { parameters: 5000 } },
    })
    const [{ baseline, found }] = result.comparison as [(typeof result.comparison)[number]]
    expect(baseline.value).toBe(result.metrics.bicubicPsnr)
    expect(found.value).toBeGreaterThan(baseline.value + 0.1)
    await result.export(out)

    const small = join(folder, 'small.png')
    await writePicture(small, downscaleBicubic(await readPicture(join(scenes, '0.png')), 2))
    said.length = 0
    expect(await cli(['upscale', '--model', out, small, join(folder, 'large.png')], terminals)).toBe(0)
    const [image, ours] = [await readPicture(small), await readPicture(join(folder, 'large.png'))]
    // Another engine may round a value the other way.
    const inOneGo = (await result.upscale(image)).pixels
    expect(Math.max(...inOneGo.map((value, i) => Math.abs(value - ours.pixels[i]!)))).toBeLessThanOrEqual(1)
    await using onnx = await openOnnx(readFileSync(join(out, 'model.onnx')))
    const tile = drawScene(64, 64, seeded('tile'))
    const { values, dims } = await onnx.apply({ dims: [1, 64, 64, 3], values: Float32Array.from(tile.pixels) })
    expect(dims).toEqual([1, 128, 128, 3])
    const own = (await result.upscale(tile)).pixels
    const far = [...values].map((value, i) => Math.abs(Math.min(255, Math.max(0, value)) - own[i]!))
    expect(Math.max(...far)).toBeLessThanOrEqual(0.51)
    await expect(loadModel(out)).rejects.toThrow(/ARCHLOOM_FIT_MODEL.*it enlarges images; use archloom upscale/)
  })

  it('works from the command line, within limits, and warns of what it leaves out', async () => {
    const mixed = join(folder, 'mixed')
    mkdirSync(mixed)
    for (let i = 0; i < 4; i++) copyFileSync(join(scenes, `${i}.png`), join(mixed, `${i}.png`))
    writeFileSync(join(mixed, 'broken.png'), 'no image')
    await writePicture(join(mixed, 'tiny.png'), drawScene(40, 40, seeded('tiny')))
    const out = join(folder, 'cli')
    said.length = 0
    const flags = [
      '--task',
      'upscale',
      '--scale',
      '3',
      '--minutes',
      '0.05',
      '--trials',
      '1',
      '--max-parameters',
      '5000',
    ]
    expect(await cli(['fit', mixed, ...flags, '--out', out, '--json'], terminals)).toBe(0)
    const all = said.join('')
    expect(all).toMatch(/1 of 6 images cannot be decoded and are left out: .*broken\.png/)
    expect(all).toMatch(/1 of 5 images are left out, because they have fewer than 72 pixels on a side: tiny/)
    expect(JSON.parse(all.trim().split('\n').at(-1)!)).toMatchObject({ task: 'upscale', scale: 3, trials: 1 })
    expect(JSON.parse(readFileSync(join(out, 'model.json'), 'utf8')).parameters).toBeLessThanOrEqual(5000)
  })

  it('says what is wrong with a folder, a limit or a flag', async () => {
    const run = (data: string, limits = {}) => fitUpscaler({ data, fit: { limits, budget: { steps: 4 }, trials: 1 } })
    await expect(run(join(folder, 'nowhere'))).rejects.toThrow(/ARCHLOOM_FIT_DATA.*a folder of images/)
    mkdirSync(join(folder, 'empty'))
    await expect(run(join(folder, 'empty'))).rejects.toThrow('ARCHLOOM_PICTURE_FOLDER_EMPTY')
    await expect(run(join(scenes, 'more'))).resolves.toBeDefined()
    await expect(run(scenes, { parameters: 10 })).rejects.toThrow(
      /ARCHLOOM_FIT_LIMITS.*smallest one has \d+ parameters/,
    )
    await expect(run(scenes, { multiplyAdds: 10 })).rejects.toThrow('ARCHLOOM_FIT_TASK')
    said.length = 0
    expect(await cli(['fit', scenes, '--task', 'upscale', '--target', 'x'], terminals)).toBe(1)
    expect(await cli(['fit', scenes, '--scale', '2'], terminals)).toBe(1)
    expect(said.join('')).toMatch(
      /--target has a meaning only with tables.*--scale has a meaning only with --task upscale/s,
    )
  })
})
