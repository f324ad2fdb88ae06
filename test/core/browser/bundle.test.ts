import { readFileSync } from 'node:fs'
import vm from 'node:vm'
import { createSearch, memoryStore } from 'archloom'
import { generatedImages } from 'archloom/evaluators/data'
import { trainFromScratch } from 'archloom/evaluators/train-from-scratch'
import { random } from 'archloom/plugins/random'
import { toySpace } from 'archloom/search-spaces/toy'
import { type BuildOptions, build } from 'esbuild'
import { expect, it } from 'vitest'

/** A search of a table, as a page would run it. */
const program = `
import { createSearch, defineSpace, oneOf, product, repeat, readStudy, studiesAt } from 'archloom'
import { asha } from 'archloom/plugins/asha'
import { evolution } from 'archloom/plugins/evolution'

export async function main() {
  const space = defineSpace('digits', product({ digit: repeat(4, () => oneOf(0, 1, 2)) }))
  const table = { lookup: ({ digit }) => digit.reduce((sum, value) => sum + value, 0) }
  const search = createSearch({
    space,
    evaluator: (architecture, { fidelity }) => ({ sum: table.lookup(architecture) * fidelity }),
    plugins: [evolution({ population: 10, sample: 5 }), asha()],
    objectives: { sum: 'maximise' },
    budget: { maxTrials: 120 },
    study: 'in-a-page',
  })
  let heard = 0
  search.events$.subscribe(() => heard++)
  await search.finish()
  const [best] = search.best(1)
  await search[Symbol.asyncDispose]()
  const record = await readStudy('in-a-page')
  return { best: best.architecture.digit, trials: record.trials.length, heard, names: await (await studiesAt('memory:studies')).list() }
}
`

/** Bundles a program as a page's tools do. */
const bundled = (contents: string, options: BuildOptions = {}) =>
  build({
    stdin: { contents, resolveDir: process.cwd(), loader: 'ts' },
    bundle: true,
    platform: 'browser',
    // Not every browser knows `using`.
    target: 'es2022',
    format: 'esm',
    conditions: ['archloom-source'],
    write: false,
    logLevel: 'silent',
    metafile: true,
    // Inversify reads decorators' settings of the checkout otherwise.
    tsconfigRaw: { compilerOptions: { experimentalDecorators: true } },
    ...options,
  })

const ofNode = (inputs: object) =>
  Object.keys(inputs).filter((file) => file.startsWith('node:') || /^core\/node\/|\/platform\/node\.ts$/.test(file))

const { imports } = JSON.parse(readFileSync('package.json', 'utf8')) as { imports: Record<string, unknown> }

it.each(Object.keys(imports))('the internal import %s bundles for browsers without a warning', async (name) => {
  const { warnings, metafile } = await bundled(`export * from '${name}'`)
  expect(warnings).toEqual([])
  expect(Object.keys(metafile!.inputs).length).toBeGreaterThan(1)
  expect(ofNode(metafile!.inputs)).toEqual([])
})

/** What a search in a page is made of. */
const portable = [
  'analysis',
  'evaluators/data',
  'evaluators/metrics',
  'evaluators/profile',
  'evaluators/tabular',
  'evaluators/train-from-scratch',
  'evaluators/training',
  'evaluators/zero-cost',
  'options',
  'plugins/annealing',
  'plugins/asha',
  'plugins/cma-es',
  'plugins/evolution',
  'plugins/gp',
  'plugins/grid',
  'plugins/hyperband',
  'plugins/local-search',
  'plugins/mbn',
  'plugins/median-stopping',
  'plugins/nsga2',
  'plugins/random',
  'plugins/sobol',
  'plugins/tpe',
  'plugins/webgpu',
  'policy',
  'rxjs',
  'search-spaces/cell',
  'search-spaces/chain',
  'search-spaces/convnet',
  'search-spaces/nas-bench-201',
  'search-spaces/nas-bench-macro',
  'search-spaces/perceptron',
  'search-spaces/super-resolution',
  'search-spaces/toy',
  'tensor',
  'tf',
]

it('the entries that a search in a page is made of bundle for browsers without a warning', async () => {
  const names = portable.map((door, i) => `export * as door${i} from 'archloom/${door}'`)
  const { warnings, metafile } = await bundled(names.join('\n'))
  expect(warnings).toEqual([])
  expect(ofNode(metafile!.inputs)).toEqual([])
})

const parts = ['evaluators/data', 'evaluators/tabular', 'plugins/webgpu']

it.each(parts)('archloom/%s has for browsers a part of what it has in Node', async (room) => {
  const { metafile } = await bundled(`export * from 'archloom/${room}'`)
  const names = Object.values(metafile!.outputs)[0]!.exports
  const whole = Object.keys((await import(/* @vite-ignore */ `archloom/${room}`)) as object)
  expect(names.length).toBeGreaterThan(1)
  expect(whole).toEqual(expect.arrayContaining(names))
})

/** An engine for JavaScript with what browsers' workers and Node have in common, and nothing of Node. */
function plainEngine() {
  const { performance, setTimeout, clearTimeout, structuredClone, AbortController, AbortSignal, TextEncoder, URL } =
    globalThis
  const context = vm.createContext({
    performance,
    setTimeout,
    clearTimeout,
    structuredClone,
    AbortController,
    AbortSignal,
    TextEncoder,
    TextDecoder,
    URL,
    console: {},
    crypto: globalThis.crypto,
  })
  // Explicit resource management is compiled away, but its symbols must be there.
  vm.runInContext(
    `Symbol.dispose ??= Symbol('Symbol.dispose'); Symbol.asyncDispose ??= Symbol('Symbol.asyncDispose'); var process = undefined; var require = undefined; var self = globalThis; var WorkerGlobalScope = class {}`,
    context,
  )
  return context
}

it('archloom bundles for browsers without a warning, and searches there', async () => {
  const result = await bundled(program, { format: 'iife', globalName: 'page' })
  expect(result.warnings).toEqual([])
  expect(ofNode(result.metafile!.inputs)).toEqual([])
  const context = plainEngine()
  vm.runInContext(result.outputFiles![0]!.text, context)
  const outcome = (await vm.runInContext('page.main()', context)) as { best: number[]; trials: number; heard: number }
  expect({ ...outcome, best: [...outcome.best] }).toMatchObject({ best: [2, 2, 2, 2], trials: 120 })
  expect(outcome.heard).toBeGreaterThan(240)
  expect(result.outputFiles![0]!.contents.length).toBeLessThan(600_000)
})

/** Training, as a page would run it. */
const training = `
import { createSearch } from 'archloom'
import { generatedImages } from 'archloom/evaluators/data'
import { trainFromScratch } from 'archloom/evaluators/train-from-scratch'
import { random } from 'archloom/plugins/random'
import { currentEngine } from 'archloom/tensor'
import { toySpace } from 'archloom/search-spaces/toy'

export async function main(images) {
  const search = createSearch({
    space: toySpace(),
    evaluator: trainFromScratch({ data: generatedImages(images), epochs: 1, batchSize: 16, engine: 'cpu' }),
    plugins: [random()],
    objectives: { loss: 'minimise' },
    budget: { maxTrials: 2 },
    study: 'in-a-page',
  })
  await search.finish()
  const trials = search.record().trials.map(({ architecture, metrics }) => ({ architecture, metrics }))
  await search[Symbol.asyncDispose]()
  return JSON.stringify({ engine: currentEngine().name, trials, failures: search.record().trials.map(({ failure }) => failure) })
}
`

it('networks train in a page, to the same numbers as in Node', async () => {
  const images = { train: 32, validation: 16, test: 4, size: 8, classes: 4 }
  const result = await bundled(training, { format: 'iife', globalName: 'page' })
  expect(result.warnings).toEqual([])
  const context = plainEngine()
  vm.runInContext(result.outputFiles![0]!.text, context)
  const { engine, trials, failures } = JSON.parse(
    await vm.runInContext(`page.main(${JSON.stringify(images)})`, context),
  )
  await using search = createSearch({
    space: toySpace(),
    evaluator: trainFromScratch({ data: generatedImages(images), epochs: 1, batchSize: 16, engine: 'cpu' }),
    plugins: [random()],
    objectives: { loss: 'minimise' },
    budget: { maxTrials: 2 },
    study: memoryStore(),
  })
  await search.finish()
  const own = search.record().trials.map(({ architecture, metrics }) => ({ architecture, metrics }))
  expect(failures).toEqual([null, null])
  expect(engine).toBe('cpu')
  expect(own.map(({ metrics }) => Object.keys(metrics!))).toEqual([expect.arrayContaining(['loss']), expect.anything()])
  expect(trials).toEqual(JSON.parse(JSON.stringify(own)))
})
