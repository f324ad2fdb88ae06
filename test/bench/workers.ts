/**
 * Do two worker processes train twice as many networks in the same time as one? Both train the same networks, each process
 * on one thread, and take turns. The time begins when every process has loaded its module and has compiled what it runs.
 *     npm run bench -- workers [--trials 40] [--rounds 3] [--json]
 */
import { rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Bench } from '../../core/cli/commands/bench.ts'
import { createSearch } from '../../core/index.ts'
import '../../core/node/index.ts'
import { workerPool } from '../../evaluators/worker-pool/index.ts'
import { random } from '../../plugins/random/index.ts'
import { toySpace } from '../../search-spaces/toy/index.ts'

interface Options {
  readonly trials?: number
  readonly rounds?: number
  readonly log?: (text: string) => void
}

/** Finished trials before the time begins to run. */
const WARM = 12

/** Trials per minute. */
async function throughput(workers: number, trials: number, directory: string): Promise<number> {
  await using search = createSearch({
    space: toySpace(),
    evaluator: workerPool({ module: new URL('./workers/trials.ts', import.meta.url), size: workers }),
    plugins: [random()],
    objectives: { accuracy: 'maximise' },
    budget: { maxTrials: WARM + trials },
    concurrency: workers,
    // The same networks with the same seeds, whatever the number of processes.
    commit: { staleness: 4 },
    seed: 1,
    study: { name: `workers-${workers}`, directory },
  })
  let ended = 0
  let began = 0
  for await (const event of search.run()) {
    if (event.type === 'trial.failed') throw new Error(`trial ${event.trial} failed: ${event.message}`)
    if (event.type === 'trial.completed' && ++ended === WARM) began = performance.now()
  }
  return (60_000 * (ended - WARM)) / (performance.now() - began)
}

export async function run({ trials = 40, rounds = 3, log = () => {} }: Options): Promise<Bench> {
  process.env.ARCHLOOM_THREADS = '1'
  const ratios: number[] = []
  const speeds: number[] = []
  for (let round = 0; round < rounds; round++) {
    const directory = await mkdtemp(join(tmpdir(), 'archloom-workers-'))
    try {
      const one = await throughput(1, trials, directory)
      const two = await throughput(2, trials, directory)
      log(`round ${round + 1}: one process ${one.toFixed(1)}, two ${two.toFixed(1)} trials a minute`)
      ratios.push(two / one)
      speeds.push(two)
    } finally {
      rmSync(directory, { recursive: true, force: true })
    }
  }
  const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!
  return {
    bench: 'workers',
    results: [
      {
        name: 'two worker processes',
        value: median(speeds),
        unit: 'trials per minute',
        reference: 'one process',
        ratio: median(ratios),
      },
    ],
  }
}
