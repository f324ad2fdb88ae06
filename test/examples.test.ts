import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { readStudy, seeded } from 'archloom'
import { controllerContract } from 'archloom/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { main as customController, hillClimbing } from '../examples/custom-controller.ts'

let directory: string
const quiet = () => {}
/** The study at a path. */
const readAt = (path: string) => readStudy(basename(path), { directory: dirname(path) })
const study = (name: string) => ({ study: { name, directory } })

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'archloom-examples-'))
})
afterAll(() => rmSync(directory, { recursive: true }))

describe('examples', () => {
  it('quickstart', async () => {
    const { main } = await import('../examples/quickstart.ts')
    const said: string[] = []
    const result = await main({ trials: 2, pictures: 64, ...study('quickstart'), log: (text) => said.push(text) })
    expect(said[0]).toMatch(/^trial 0: accuracy 0\.\d+$/)
    expect(result.accuracy).toBe((await readAt(result.study)).best(1)[0]?.metrics.accuracy)
  })

  it('custom search space', async () => {
    const { main, space } = await import('../examples/custom-search-space.ts')
    const one = 8 + 4 // units × (two rates, or none)
    expect(space.size).toBe(BigInt(one + 2 * (one ** 2 + one ** 3)))
    const { front } = await main({ trials: 3, pictures: 64, ...study('mlp'), log: quiet })
    expect(front).toBeGreaterThan(0)
  })

  it('custom scheduler', async () => {
    const { main, standstill } = await import('../examples/custom-scheduler.ts')
    const { completed, pruned, steps } = await main({ trials: 20, study: { name: 'descent', directory }, log: quiet })
    expect(completed + pruned).toBe(20)
    expect(pruned).toBeGreaterThan(0)
    expect(steps).toBeLessThan(20 * 50)
    expect(standstill(1)({ objectives: [], rng: seeded(1), maxTrials: 1 }).report).toBeTypeOf('function')
  })

  it('follow a study', async () => {
    const { main } = await import('../examples/follow-a-study.ts')
    const { main: descend } = await import('../examples/custom-scheduler.ts')
    const said: string[] = []
    const running = descend({ trials: 400, study: { name: 'live', directory }, log: quiet })
    await expect.poll(() => existsSync(join(directory, 'live', 'journal.jsonl'))).toBe(true)
    const storage = `journal:${directory}`
    const seen = await main({ study: 'live', storage, log: (text) => said.push(text) })
    await running
    expect(seen).toMatchObject({ status: 'finished', trials: 400, best: { rate: expect.any(Number) } })
    expect(said.at(-1)).toMatch(/^finished: \d+ completed/)
  })

  it('custom controller', async () => {
    const results = await customController({ directory, log: quiet })
    expect(Object.keys(results)).toEqual(['hill-climbing', 'random'])
    expect(results['hill-climbing']).toBeGreaterThan(results.random as number)
  })

  it('events', async () => {
    const { main } = await import('../examples/events-rxjs.ts')
    const said: string[] = []
    const result = await main({ trials: 20, ...study('events'), log: (text) => said.push(text) })
    expect(result).toMatchObject({ completed: 20, foldedCompleted: 20, foldedFront: result.front })
    expect(said.filter((text) => text.startsWith('mean accuracy of ten'))).toHaveLength(2)
  })

  it('ask and tell', async () => {
    const { main } = await import('../examples/ask-tell.ts')
    const { completed, failed } = await main({ trials: 25, ...study('ask-tell'), log: quiet })
    expect(completed + failed).toBe(25)
    expect(failed).toBeGreaterThan(0)
  })

  it('resume', async () => {
    const { main } = await import('../examples/resume.ts')
    expect(await main({ ...study('resume'), log: quiet })).toMatchObject({ completed: 30, sessions: 2, same: true })
  })

  it('parallel: the trials are the same for one and for two processes', { timeout: 180_000 }, async () => {
    const { main } = await import('../examples/parallel.ts')
    const one = await main({ trials: 6, workers: 1, ...study('one-process'), log: quiet })
    const two = await main({ trials: 6, workers: 2, ...study('two-processes'), log: quiet })
    expect(one.completed).toBe(6)
    expect(two).toEqual(one)
  })

  it('memorized batch normalisation', async () => {
    const { main } = await import('../examples/mbn.ts')
    const { accuracies, best } = await main({ trials: 2, pictures: 40, ...study('mbn'), log: quiet })
    expect(Object.keys(accuracies)).toEqual(['batch-norm', 'group-norm', 'mbn-batches=20-decay=0.95'])
    expect(best?.network.layers).toBeGreaterThan(0)
  })

  it('export to ONNX', async () => {
    const { main } = await import('../examples/export-onnx.ts')
    const { files } = await main({ pictures: 32, epochs: 1, directory: join(directory, 'onnx'), log: quiet })
    expect(files.float?.agreement).toBe(1)
    expect(files.int8?.bytes).toBeLessThan(files.float?.bytes as number)
    expect(readdirSync(join(directory, 'onnx')).sort()).toEqual(['float.onnx', 'int8.onnx', 'weights.safetensors'])
  })

  it('compress my model', async () => {
    const { main } = await import('../examples/compress-my-model.ts')
    const small = await main({ pictures: 32, episodes: 4, directory: join(directory, 'small'), log: quiet })
    expect(small.bops).toBeLessThanOrEqual(0.03)
    expect(small.bytes).toBeGreaterThan(1000)
  })

  it('super-resolution, dual regression and a film, on a few scenes', { timeout: 180_000 }, async () => {
    const { drawScene, generatedPairs, patchDataset, readPicture, writePicture } = await import(
      'archloom/evaluators/data/images'
    )
    const { describeUpscaler } = await import('archloom/evaluators/upscaling')
    const scenes = (scale: number, patch: number) => {
      const pairs = (count: number, seed: number) => generatedPairs(count, { scale, size: 16 * scale, seed })
      return patchDataset({ name: 'scenes', train: pairs(3, 1), validation: pairs(1, 2), test: pairs(1, 3), patch })
    }
    const at = (name: string) => join(directory, name)
    const double = (await import('../examples/super-resolution.ts')).main
    const tiny = { features: 4, blocks: 1, patch: 8, batchSize: 4, data: scenes(2, 8), log: quiet }
    const result = await double({ ...tiny, steps: 4, out: at('double') })
    if (result.stopped) throw new Error('it was not stopped')
    expect(result.gain).toBeCloseTo(result.psnr - result.bicubic, 10)
    expect(await describeUpscaler(result.model)).toMatchObject({ scale: 2, reach: 4, parameters: result.parameters })
    expect((await readPicture(result.picture)).width).toBe(3 * 32 + 2 * 4)

    // Stopped in the middle of training, it saves what it has.
    const stop = new AbortController()
    const log = (text: string) => text.startsWith('step 1:') && stop.abort(new Error('enough'))
    const stopped = await double({ ...tiny, log, steps: 4, out: at('stopped'), signal: stop.signal })
    expect(stopped).toMatchObject({ stopped: true, steps: 1 })
    expect(await describeUpscaler(stopped.model)).toMatchObject({ scale: 2, notes: { steps: 1, stoppedOf: 4 } })

    // Trains what comes with archloom, on a folder of images; another scale continues from the first.
    const pretrain = (await import('../examples/pretrained-upscalers.ts')).main
    for (const name of ['a', 'b'])
      await writePicture(join(at('large-scenes'), `${name}.png`), drawScene(200, 210, seeded(name)))
    const settings = { images: at('large-scenes'), steps: 2, log: quiet }
    const first = await pretrain({ ...settings, out: at('x2') })
    const second = await pretrain({ ...settings, scale: 3, from: first.model, out: at('x3') })
    expect(await describeUpscaler(second.model)).toMatchObject({ scale: 3, reach: 12, notes: { steps: 2 } })

    const { main: closedLoop } = await import('../examples/drn.ts')
    const loops = await closedLoop({ steps: 2, out: at('loop'), data: scenes(4, 12), log: quiet })
    expect(Object.keys(loops.results)).toHaveLength(4)
    expect(await describeUpscaler(loops.model)).toMatchObject({ kind: 'drn', scale: 4 })

    const { main: film } = await import('../examples/adapt-video.ts')
    const pictures: string[] = []
    const options = { steps: 2, adaptSteps: 2, frames: 2, data: scenes(2, 16), log: quiet }
    for (const name of ['f1', 'f2', 'f3'])
      await writePicture(join(at('film'), `${name}.png`), drawScene(40, 36, seeded(name)))
    const measured = await film({
      ...options,
      measure: true,
      input: at('film'),
      out: at('large'),
      onPicture: ({ path }) => pictures.push(path),
    })
    const anyNumber = expect.any(Number)
    expect(measured).toMatchObject({ frames: 2, before: anyNumber, control: anyNumber, after: anyNumber })
    // Both went on from the same weights, with other images.
    expect(measured.control).not.toBe(measured.after)
    expect(pictures).toContain(join(at('large'), 'f2.png'))
    for (const path of pictures) expect((await readPicture(path)).height).toBe(40)
  })

  it('conditional channel pruning', async () => {
    const { main } = await import('../examples/cacp.ts')
    const { shares, untrained } = await main({ pictures: 60, epochs: 1, episodes: 6, log: quiet })
    expect(shares).toHaveLength(3)
    for (const [at, rate] of [0.3, 0.5, 0.7].entries()) expect(shares[at]).toBeLessThanOrEqual(rate)
    expect(untrained).toBeLessThanOrEqual(0.4)
  })

  it('joint distribution matching', async () => {
    const { main } = await import('../examples/jwdm.ts')
    const found = await main({ points: 64, epochs: 2, log: quiet })
    expect(Object.keys(found)).toEqual(['cycleGan', 'jwdm'])
    for (const { joint } of Object.values(found)) expect(joint).toBeGreaterThan(0)
  })

  it('bits and filters of a trained network', async () => {
    const { main } = await import('../examples/abs.ts')
    const said: string[] = []
    const { share, model } = await main({ pictures: 64, epochs: 1, log: (text) => said.push(text) })
    expect(share).toBeLessThanOrEqual(1 / 50)
    expect(said.filter((text) => text.includes(' bits, activations of '))).toHaveLength(model.layers.length)
  })

  it('from data to a model: a table, images, a series', async () => {
    const small = { budget: { steps: 30 }, log: quiet }
    const { main: table } = await import('../examples/fit-table.ts')
    const houses = await table({ ...small, rows: 200, out: join(directory, 'houses') })
    expect(houses.rmse).toBeLessThan(100)
    expect(houses.files).toHaveLength(5)
    const { main: images } = await import('../examples/fit-images.ts')
    const found = await images({ ...small, images: 80, out: join(directory, 'images') })
    expect(found.parameters).toBeLessThanOrEqual(50_000)
    const { main: series } = await import('../examples/fit-series.ts')
    const { week, comparison } = await series({ ...small, days: 150 })
    expect(week).toHaveLength(7)
    expect(comparison[0]!.found.value).toBeLessThan(comparison[0]!.baseline.value)
  })

  it('from labelled series to a model', async () => {
    const { main: labelledSeries } = await import('../examples/fit-labelled-series.ts')
    const small = { budget: { steps: 30 }, log: quiet }
    const told = await labelledSeries({ ...small, count: 60, trials: 4, out: join(directory, 'labelled') })
    expect(told.accuracy).toBeGreaterThan(0.4)
    expect(told.files).toHaveLength(5)
  })

  it('the main job, at its smallest', async () => {
    const { main, flags } = await import('../examples/main.ts')
    const said: string[] = []
    const tiny = { trials: 2, steps: 12, images: 80, data: 'generated', out: join(directory, 'main.onnx') }
    const result = await main({ ...tiny, log: (text) => said.push(text) })
    expect(result.testAccuracy).toBeGreaterThanOrEqual(0)
    expect((result as { handMadeAccuracy?: number }).handMadeAccuracy).toBeGreaterThanOrEqual(0)
    expect(said.at(-1)).toMatch(
      /^comparison {2}search \d+\.\d\d %, the network made by hand \d+\.\d\d % in the same 12 steps/,
    )
    expect(readdirSync(directory)).toContain('main.onnx')
    expect(Object.keys(flags)).toEqual(expect.arrayContaining(['trials', 'minutes', 'seed', 'engine', 'noCompare']))
  })

  it('local coordinate coding, and a search for its generator', async () => {
    const { generatedImages } = await import('archloom/evaluators/data')
    const data = generatedImages({ train: 128, validation: 40, test: 40, classes: 2, size: 8, channels: 1 })
    const { main: lccgan } = await import('../examples/lccgan.ts')
    const options = { steps: 2, coordinates: 3, features: 2, samples: 20, data, log: quiet }
    const { distances, pictures } = await lccgan({ ...options, out: join(directory, 'lccgan') })
    expect(Object.keys(distances)).toEqual(['LCCGAN++', 'DCGAN'])
    expect(pictures).toHaveLength(2)
    expect(readdirSync(join(directory, 'lccgan')).filter((file) => file.endsWith('.png'))).toHaveLength(4)

    const { main: search } = await import('../examples/search-a-generator.ts')
    const small = { trials: 2, steps: 2, features: [2, 4], samples: 20, data, ...study('generator'), log: quiet }
    const { best, pictures: grids } = await search(small)
    expect([2, 4]).toContain(best?.features)
    expect(grids).toHaveLength(2)
  })

  it('are all run by a test', () => {
    const tests = readdirSync('test', { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.test.ts'))
    const sources = tests.map((file) => readFileSync(join('test', file), 'utf8')).join('\n')
    const programs = readdirSync('examples').filter((file) => file.endsWith('.ts'))
    expect(programs.length).toBeGreaterThan(7)
    for (const file of programs) expect(sources, file).toContain(`examples/${file}`)
  })
})

controllerContract('the hill climbing of the examples', hillClimbing({ patience: 40 }), {
  learns: { successRate: 0.6 },
})
