/** One session of a search, for the bench `kill`: prints every finished trial once it has seen it on the stream. */
import { createSearch } from '../../../core/index.ts'
import '../../../core/node/index.ts'
import { workerPool } from '../../../evaluators/worker-pool/index.ts'
import { asha } from '../../../plugins/asha/index.ts'
import { evolution } from '../../../plugins/evolution/index.ts'
import { localSearch } from '../../../plugins/local-search/index.ts'
import '../../../plugins/postgres/index.ts'
import { random } from '../../../plugins/random/index.ts'
import '../../../plugins/sqlite/index.ts'
import { evaluator, space } from '../distributed/digits.ts'

const [what = '', storage = ''] = process.argv.slice(2)
const searches = {
  evolution: { plugins: [evolution({ population: 8, sample: 3 })], concurrency: 1 },
  'evolution, three at once': { plugins: [evolution({ population: 8, sample: 3 })], concurrency: 3 },
  'local search': { plugins: [localSearch()], concurrency: 1 },
  'random with rungs': { plugins: [random(), asha({ minFidelity: 1 / 4, eta: 2 })], concurrency: 1 },
} as const

const [name, isPooled] = what.endsWith(' in worker processes')
  ? [what.replace(' in worker processes', ''), true]
  : [what, false]
const { plugins, concurrency } = searches[name as keyof typeof searches]
await using search = createSearch({
  space,
  evaluator: isPooled
    ? workerPool({ module: new URL('./digits.mjs', import.meta.url), size: concurrency })
    : { ...evaluator, concurrency },
  plugins: [...plugins],
  objectives: { sum: 'maximise' },
  budget: { maxTrials: 60, ...(isPooled && { retries: 5 }) },
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
