/**
 * A long search in worker processes of which 15 % of the trials go wrong: 10 % throw, 2 % hang, 2 % run out of memory and
 * 1 % kill their process. Does it finish, is every trial accounted for with the right reason, and does the memory of the
 * search stay flat?
 *     npm run bench -- faults [--trials 5000] [--workers 2] [--json]
 */
import { rmSync } from 'node:fs'
import type { Bench } from '../../core/cli/commands/bench.ts'
import { createSearch } from '../../core/index.ts'
import '../../core/node/index.ts'
import { workerPool } from '../../evaluators/worker-pool/index.ts'
import { evolution } from '../../plugins/evolution/index.ts'
import { type Fault, faultOf, space } from './faults/trials.ts'
import { temporaryFolder } from './folders/temporary.ts'

interface Options {
  readonly trials?: number
  readonly workers?: number
  readonly log?: (text: string) => void
}

/** How the end of a trial is recorded. */
const endings: Readonly<Record<Fault | 'none', string>> = {
  none: 'completed',
  throws: 'failed: error',
  hangs: 'failed: timeout',
  'runs out of memory': 'failed: lost',
  'is killed': 'failed: lost',
}
const SECONDS = 20

export async function run({ trials = 5000, workers = 2, log = () => {} }: Options): Promise<Bench> {
  const directory = temporaryFolder('faults')
  // A process that runs out of memory shall do so soon.
  const options = process.env.NODE_OPTIONS
  process.env.NODE_OPTIONS = `${options ?? ''} --max-old-space-size=96`
  const megabytes: number[] = []
  try {
    await using search = createSearch({
      space,
      evaluator: workerPool({
        module: new URL('./faults/trials.ts', import.meta.url),
        size: workers,
        graceSeconds: 0.1,
        recycle: { trials: 500 },
      }),
      plugins: [evolution({ population: 20, sample: 5 })],
      objectives: { accuracy: 'maximise' },
      budget: { maxTrials: trials, trialSeconds: SECONDS },
      concurrency: workers,
      study: { name: 'faults', directory },
    })
    const ended = new Map<number, string[]>()
    const note = (trial: number, how: string) => ended.set(trial, [...(ended.get(trial) ?? []), how])
    for await (const event of search.run()) {
      if (event.type === 'trial.completed') note(event.trial, 'completed')
      else if (event.type === 'trial.failed') note(event.trial, `failed: ${event.reason}`)
      else continue
      if (ended.size % Math.ceil(trials / 20) !== 0) continue
      globalThis.gc?.()
      megabytes.push(process.memoryUsage.rss() / 2 ** 20)
      log(`${ended.size} trials ended, ${megabytes.at(-1)!.toFixed(0)} MiB in the search`)
    }
    const all = search.record().trials
    const expected = ({ seed }: { readonly seed: number }) => endings[faultOf(seed) ?? 'none']
    const wrong = all.filter((trial) => ended.get(trial.trial)?.join() !== expected(trial))
    for (const { trial } of wrong.slice(0, 10)) log(`trial ${trial} ended as ${ended.get(trial)?.join() ?? 'nothing'}`)
    const count = (how: string) => [...ended.values()].filter((each) => each.join() === how).length
    const { status, sessions } = search.state()
    const fifth = megabytes[Math.floor(megabytes.length / 5)]!
    return {
      bench: 'faults',
      results: [
        { name: 'trials', value: all.length, unit: 'trials' },
        { name: 'finished in one session', value: Number(status === 'finished' && sessions === 1), unit: '1: yes' },
        ...['completed', 'failed: error', 'failed: timeout', 'failed: lost'].map((how) => ({
          name: how,
          value: count(how),
          unit: 'trials',
        })),
        { name: 'without an end, with several, or with another than expected', value: wrong.length, unit: 'trials' },
        { name: 'memory of the search after a fifth of the trials', value: fifth, unit: 'MiB' },
        { name: 'memory of the search at the end', value: megabytes.at(-1)!, unit: 'MiB' },
      ],
    }
  } finally {
    if (options === undefined) delete process.env.NODE_OPTIONS
    else process.env.NODE_OPTIONS = options
    rmSync(directory, { recursive: true, force: true })
  }
}
