/** One session of a search, for the bench `kill`: prints every finished trial once it has seen it on the stream. */
import { createSearch, defineSpace, type EvaluationRequest, oneOf, product, repeat } from '../../../core/index.ts'
import '../../../core/node/index.ts'
import { seeded } from '../../../core/random.ts'
import { asha } from '../../../plugins/asha/index.ts'
import { evolution } from '../../../plugins/evolution/index.ts'
import { localSearch } from '../../../plugins/local-search/index.ts'
import { random } from '../../../plugins/random/index.ts'

const [what = '', storage = ''] = process.argv.slice(2)
const space = defineSpace('digits', product({ digit: repeat(6, () => oneOf(0, 1, 2, 3)) }))

interface Architecture {
  readonly digit: readonly number[]
}

const searches = {
  evolution: { plugins: [evolution({ population: 8, sample: 3 })], concurrency: 1 },
  'evolution, three at once': { plugins: [evolution({ population: 8, sample: 3 })], concurrency: 3 },
  'local search': { plugins: [localSearch()], concurrency: 1 },
  'random with rungs': { plugins: [random(), asha({ minFidelity: 1 / 4, eta: 2 })], concurrency: 1 },
} as const

const { plugins, concurrency } = searches[what as keyof typeof searches]
await using search = createSearch({
  space,
  evaluator: {
    kind: 'from-scratch',
    name: 'sum of digits',
    concurrency,
    async evaluate({ architecture, seed, trial, fidelity }: EvaluationRequest<Architecture>) {
      const luck = seeded(seed).float()
      await new Promise((resolve) => setTimeout(resolve, 3 * luck))
      if (trial % 11 === 7) throw new Error(`out of luck ${trial}`)
      return { metrics: { sum: fidelity * architecture.digit.reduce<number>((a, b) => a + b, 0) + luck } }
    },
  },
  plugins: [...plugins],
  objectives: { sum: 'maximise' },
  budget: { maxTrials: 60 },
  seed: 7,
  concurrency,
  // Results that are taken in as they arrive make another search each time, killed or not.
  commit: 'ordered',
  study: { name: 'killed', storage },
})
for await (const event of search.run()) {
  // From here on it may be killed.
  if (event.type === 'search.started' || event.type === 'search.resumed') process.stdout.write('started\n')
  if (event.type === 'trial.completed' || event.type === 'trial.failed' || event.type === 'trial.pruned')
    process.stdout.write(`${event.type} ${event.trial} ${event.genotype.join('')}\n`)
}
