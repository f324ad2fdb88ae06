import { seeded, virtualClock } from 'archloom'
import { workerPool } from 'archloom/evaluators/worker-pool'
import { evaluatorContract } from 'archloom/testing'
import { space } from './modules/training.ts'

const module = new URL('./modules/training.ts', import.meta.url)

evaluatorContract('workerPool', async () => ({
  space,
  evaluator: await workerPool({ module, size: 1 }).create({ space, rng: seeded(1), clock: virtualClock() }),
}))
