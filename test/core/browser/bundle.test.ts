import vm from 'node:vm'
import { build } from 'esbuild'
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

it('archloom bundles for browsers without a warning, and searches there', async () => {
  const result = await build({
    stdin: { contents: program, resolveDir: process.cwd(), loader: 'ts' },
    bundle: true,
    platform: 'browser',
    format: 'iife',
    globalName: 'page',
    conditions: ['source'],
    write: false,
    logLevel: 'silent',
    metafile: true,
    // Inversify reads decorators' settings of the checkout otherwise.
    tsconfigRaw: { compilerOptions: { experimentalDecorators: true } },
  })
  expect(result.warnings).toEqual([])
  const inputs = Object.keys(result.metafile.inputs)
  expect(inputs.filter((file) => file.startsWith('node:') || file.startsWith('core/node/'))).toEqual([])
  // A plain engine: what browsers and Node have in common, and nothing of Node.
  const { performance, setTimeout, clearTimeout, structuredClone, AbortController, AbortSignal, TextEncoder, URL } =
    globalThis
  const shared = {
    performance,
    setTimeout,
    clearTimeout,
    structuredClone,
    AbortController,
    AbortSignal,
    TextEncoder,
    URL,
  }
  const context = vm.createContext({ ...shared, console: {}, crypto: globalThis.crypto })
  // Explicit resource management is compiled away, but its symbols must be there.
  vm.runInContext(
    `Symbol.dispose ??= Symbol('Symbol.dispose'); Symbol.asyncDispose ??= Symbol('Symbol.asyncDispose'); var process = undefined; var require = undefined`,
    context,
  )
  vm.runInContext(result.outputFiles[0]!.text, context)
  const outcome = (await vm.runInContext('page.main()', context)) as { best: number[]; trials: number; heard: number }
  expect({ ...outcome, best: [...outcome.best] }).toMatchObject({ best: [2, 2, 2, 2], trials: 120 })
  expect(outcome.heard).toBeGreaterThan(240)
  expect(result.outputFiles[0]!.contents.length).toBeLessThan(600_000)
})
