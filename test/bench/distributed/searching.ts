/** One session of a distributed search, for the bench `distributed-kill`: prints every finished trial once it has seen it. */
import { pathToFileURL } from 'node:url'
import { createSearch } from '../../../core/index.ts'
import '../../../core/node/index.ts'
import { asha } from '../../../plugins/asha/index.ts'
import { distributed } from '../../../plugins/distributed/index.ts'
import { evolution } from '../../../plugins/evolution/index.ts'
import { random } from '../../../plugins/random/index.ts'
import { space } from './digits.ts'

const [what = '', module = '', redis = '', storage = ''] = process.argv.slice(2)
await using search = createSearch({
  space,
  evaluator: distributed({ module: pathToFileURL(module), redis, ...(what === 'jobs' && { trialsPerJob: 3 }) }),
  plugins:
    what === 'rungs' ? [random(), asha({ minFidelity: 1 / 4, eta: 2 })] : [evolution({ population: 8, sample: 3 })],
  objectives: { sum: 'maximise' },
  budget: { maxTrials: 60 },
  seed: 7,
  concurrency: 3,
  // Results that are taken in as they arrive make another search each time, killed or not.
  commit: 'ordered',
  study: { name: 'killed', storage },
})
for await (const event of search.run()) {
  if (event.type === 'search.started' || event.type === 'search.resumed') process.stdout.write('started\n')
  if (event.type === 'trial.completed' || event.type === 'trial.failed' || event.type === 'trial.pruned')
    process.stdout.write(`${event.type} ${event.trial} ${event.genotype.join('')}\n`)
}
