/**
 * Do two worker processes train twice as many networks in the same time as one? Both train the same networks, each process
 * on one thread, and take turns. The time begins when every process has loaded its module and has compiled what it runs.
 *     npm run bench -- workers [--networks toy | convnets] [--trials 40] [--rounds 3] [--json]
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, rmSync } from 'node:fs'
import type { Bench } from '../../core/cli/commands/bench.ts'
import { createSearch, type SearchSpace } from '../../core/index.ts'
import '../../core/node/index.ts'
import { workerPool } from '../../evaluators/worker-pool/index.ts'
import { random } from '../../plugins/random/index.ts'
import { temporaryFolder } from './folders/temporary.ts'

type Networks = 'toy' | 'convnets'

interface Options {
  /** Small networks on small images, or convolutions of 16 to 64 channels on images of 32×32. Default: toy. */
  readonly networks?: Networks
  readonly trials?: number
  readonly rounds?: number
  readonly log?: (text: string) => void
}

/** Finished trials before the time begins to run. */
const WARM = 12
const CONTROL_SECONDS = 3

/** User and system time of the processes that this one has started for trials, in seconds; Linux only. */
function processorSeconds(): number {
  const own = readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8').trim().split(' ')
  const isWorker = (pid: string) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('worker-pool')
  const seconds = (pid: string) => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
    return (Number(fields[11]) + Number(fields[12])) / 100
  }
  return own.filter(isWorker).reduce((sum, pid) => sum + seconds(pid), 0)
}

interface Speed {
  /** Trials per minute. */
  readonly rate: number
  /** Of the workers, per trial. */
  readonly processorSeconds: number
  /** Processor time of the workers per second. */
  readonly cores: number
}

/** Measured from one end of a trial to another, with all processes busy in between. */
async function throughput(networks: Networks, workers: number, trials: number, directory: string): Promise<Speed> {
  const module = new URL(networks === 'toy' ? './workers/trials.ts' : './workers/convnets.ts', import.meta.url)
  const { space } = (await import(module.href)) as { space: SearchSpace }
  await using search = createSearch({
    space,
    evaluator: workerPool({ module, size: workers }),
    plugins: [random()],
    objectives: { accuracy: 'maximise' },
    // The last ones keep the processes busy until the time is over.
    budget: { maxTrials: WARM + trials + 2 * workers },
    concurrency: workers,
    // The same networks with the same seeds, whatever the number of processes.
    commit: { staleness: 4 },
    seed: 1,
    study: { name: `workers-${workers}`, directory },
  })
  const done = new AbortController()
  let [ended, began, processor, seconds] = [0, 0, 0, 0]
  for await (const event of search.run({ signal: done.signal })) {
    if (event.type === 'trial.failed') throw new Error(`trial ${event.trial} failed: ${event.message}`)
    if (event.type !== 'trial.completed') continue
    ended++
    if (ended === WARM) [began, processor] = [performance.now(), processorSeconds()]
    if (ended !== WARM + trials) continue
    seconds = (performance.now() - began) / 1000
    processor = processorSeconds() - processor
    done.abort('measured')
  }
  return { rate: (60 * trials) / seconds, processorSeconds: processor / trials, cores: processor / seconds }
}

/** Rounds of a loop that all processes together do in a second. */
async function control(what: 'compute' | 'memory', processes: number): Promise<number> {
  const program = new URL('./workers/control.ts', import.meta.url).pathname
  const children = Array.from({ length: processes }, () => fork(program, [what], { execArgv: ['--import', 'tsx'] }))
  await Promise.all(children.map((child) => once(child, 'message')))
  const rounds = children.map(async (child) => {
    child.send(CONTROL_SECONDS)
    return Number((await once(child, 'message'))[0])
  })
  return (await Promise.all(rounds)).reduce((a, b) => a + b) / CONTROL_SECONDS
}

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!

export async function run({ networks = 'toy', trials = 40, rounds = 3, log = () => {} }: Options): Promise<Bench> {
  process.env.ARCHLOOM_THREADS = '1'
  const ones: Speed[] = []
  const twos: Speed[] = []
  const compute: number[] = []
  const memory: number[] = []
  for (let round = 0; round < rounds; round++) {
    const directory = temporaryFolder('workers')
    try {
      compute.push((await control('compute', 2)) / (await control('compute', 1)))
      memory.push((await control('memory', 2)) / (await control('memory', 1)))
      const one = await throughput(networks, 1, trials, directory)
      const two = await throughput(networks, 2, trials, directory)
      ones.push(one)
      twos.push(two)
      const of = ({ rate, processorSeconds: each, cores }: Speed) =>
        `${rate.toFixed(1)} trials a minute, ${each.toFixed(2)} s of processor time each, ${cores.toFixed(2)} cores`
      log(`round ${round + 1}: one process ${of(one)}; two ${of(two)}`)
      log(`  loops: compute ${compute.at(-1)!.toFixed(2)}, memory ${memory.at(-1)!.toFixed(2)} times one process`)
    } finally {
      rmSync(directory, { recursive: true, force: true })
    }
  }
  const ratio = (value: (speed: Speed) => number) => median(twos.map((two, at) => value(two) / value(ones[at]!)))
  const reference = 'one process'
  const times = { unit: 'times', reference }
  return {
    bench: 'workers',
    results: [
      {
        name: 'two worker processes',
        value: median(twos.map(({ rate }) => rate)),
        unit: 'trials per minute',
        reference,
        ratio: ratio(({ rate }) => rate),
      },
      {
        name: 'processor time of a trial in one of two processes',
        value: median(twos.map((two) => two.processorSeconds)),
        unit: 's',
        reference,
        ratio: 1 / ratio((speed) => speed.processorSeconds),
      },
      { name: 'cores that one process uses', value: median(ones.map(({ cores }) => cores)), unit: 'cores' },
      { name: 'cores that two processes use', value: median(twos.map(({ cores }) => cores)), unit: 'cores' },
      { name: 'two processes that only compute', value: median(compute), ...times, ratio: median(compute) },
      { name: 'two processes that only read memory', value: median(memory), ...times, ratio: median(memory) },
    ],
  }
}
