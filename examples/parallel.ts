// Several trainings at once on one machine, each in a process of its own. A process that crashes costs one attempt at a
// trial; with the same seed, the trials are the same for any number of processes.
//     npx archloom run examples/parallel.ts
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { createSearch, type StudyOptions } from 'archloom'
import { generatedImages } from 'archloom/evaluators/data'
import { trainFromScratch } from 'archloom/evaluators/train-from-scratch'
import { workerPool } from 'archloom/evaluators/worker-pool'
import { evolution } from 'archloom/plugins/evolution'
import { toySpace } from 'archloom/search-spaces/toy'

// What the worker processes use: they load this file, too.
export const space = toySpace()
export const evaluator = trainFromScratch({
  data: generatedImages({ train: 200, validation: 200, classes: 4 }),
  epochs: 2,
})

interface Options {
  readonly workers?: number
  readonly trials?: number
  readonly study?: StudyOptions
  readonly log?: (text: string) => void
}

export const search = ({ workers = availableParallelism(), trials = 24, study = {} }: Options = {}) =>
  createSearch({
    space,
    evaluator: workerPool({ module: new URL(import.meta.url), size: workers, recycle: { megabytes: 2000 } }),
    plugins: [evolution({ population: 8, sample: 4 })],
    objectives: { accuracy: 'maximise' },
    // A trial is tried once more where its process dies, and fails where it takes longer than ten minutes.
    budget: { maxTrials: trials, trialSeconds: 600, retries: 1 },
    concurrency: workers,
    // Results count with a delay of four trials, so that up to four processes never wait for one another.
    commit: { staleness: 4 },
    seed: 7,
    study,
  })

export async function main({ log = console.log, ...options }: Options = {}) {
  // One thread for each process, where there are as many processes as cores.
  process.env.ARCHLOOM_THREADS ??= '1'
  const began = performance.now()
  await using running = search(options)
  const { completed } = await running.finish()
  const [best] = running.best(1)
  log(
    `${completed} trials in ${((performance.now() - began) / 1000).toFixed(1)} s, best accuracy ${best?.metrics.accuracy}`,
  )
  return { completed, trials: running.record().trials.map(({ genotype, metrics }) => ({ genotype, metrics })) }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
