/**
 * One training step of three networks on every engine present, and in PyTorch where python3 has it: each engine in a
 * process of its own, taking turns, medians. `--peers` adds PyTorch with channels last and with bfloat16; `--processor`
 * counts processor time, and the fastest step instead of the median, for machines that others use, too.
 *     npm run bench -- train-step [--json] [--threads N] [--rounds N] [--peers] [--processor]
 */
import { type ChildProcess, fork, spawn, spawnSync } from 'node:child_process'
import { availableParallelism, cpus } from 'node:os'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Bench, BenchResult } from '../../core/cli/commands/bench.ts'
import type { Answer, Request } from './train-step/worker.ts'

interface Options {
  readonly threads?: number
  readonly rounds?: number
  /** Only these networks and engines, by name, separated by commas. */
  readonly nets?: string
  readonly engines?: string
  readonly peers?: boolean
  readonly processor?: boolean
  readonly log?: (line: string) => void
}

interface Runner {
  readonly name: string
  step(request: Request): Promise<Answer>
  stop(): void
}

type Clock = 'wall' | 'processor'
type Variant = 'float32' | 'channels-last' | 'bfloat16'

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** An engine of tfjs in a child process. */
async function engineRunner(name: string, threads: number, clock: Clock): Promise<Runner> {
  const child: ChildProcess = fork(file('./train-step/worker.ts'), [name, String(threads), clock], {
    execArgv: ['--conditions=archloom-source', '--import', 'tsx'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const answer = () =>
    new Promise<Answer>((resolve, reject) => {
      const ended = (code: number | null) => reject(new Error(`engine ${name} ended with code ${code}`))
      child.once('exit', ended)
      child.once('message', (message) => {
        child.off('exit', ended)
        resolve(message as Answer)
      })
    })
  await answer()
  return {
    name,
    step: (request) => {
      child.send(request)
      return answer()
    },
    stop: () => void child.kill(),
  }
}

/** The first python that has PyTorch. */
const pythonWithTorch = () =>
  ['python3', '/usr/bin/python3'].find((python) => spawnSync(python, ['-c', 'import torch']).status === 0)

async function torchRunner(
  python: string,
  threads: number,
  clock: Clock,
  variant: Variant,
): Promise<Runner | undefined> {
  const child = spawn(python, [file('./train-step/reference.py'), String(threads), variant, clock], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const first = await lines.next()
  if (first.done) return undefined
  const version = first.value.replace('version ', '')
  return {
    name: `pytorch-${version}${variant === 'float32' ? '' : `-${variant}`}`,
    step: async ({ net, steps }) => {
      child.stdin.write(`${net} ${steps}\n`)
      const { value } = (await lines.next()) as { value: string }
      return { times: value.split(' ').map(Number), loss: Number.NaN }
    },
    stop: () => void child.kill(),
  }
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1] as number
/** Engines that are far slower take part in fewer rounds; the stock one cannot train depthwise convolutions. */
const slow = new Set(['wasm', 'wasm-stock'])
const canTrain = (engine: string, net: string) => engine !== 'wasm-stock' || net !== 'darts-supernet'

async function measure(
  net: string,
  runners: readonly Runner[],
  rounds: number,
  summary: (times: readonly number[]) => number,
  log: (line: string) => void,
) {
  const times = new Map<string, number[]>(runners.map(({ name }) => [name, []]))
  for (const runner of runners) await runner.step({ net, steps: slow.has(runner.name) ? 1 : 3 })
  for (let round = 0; round < rounds; round++)
    for (const runner of runners) {
      if (slow.has(runner.name) && round >= 3) continue
      const { times: more } = await runner.step({ net, steps: slow.has(runner.name) ? 1 : 3 })
      times.get(runner.name)?.push(...more)
      log(`${net} ${runner.name} ${more.map((ms) => ms.toFixed(0)).join(' ')} ms`)
    }
  return new Map([...times].map(([name, all]) => [name, summary(all)]))
}

export async function run(options: Options = {}): Promise<Bench> {
  const { threads = 1, rounds = 7, log = () => {} } = options
  const wanted = (list: string | undefined, name: string) => !list || list.split(',').includes(name)
  const names = ['onnxruntime', 'wasm', 'wasm-stock'].filter((name) => wanted(options.engines, name))
  const nets = ['conv-net', 'darts-supernet', 'super-resolution'].filter((name) => wanted(options.nets, name))
  const clock = options.processor ? 'processor' : 'wall'
  const summary = options.processor ? (times: readonly number[]) => Math.min(...times) : median
  const python = wanted(options.engines, 'pytorch') ? pythonWithTorch() : undefined
  const variants: Variant[] = options.peers ? ['float32', 'channels-last', 'bfloat16'] : ['float32']
  const peers: Runner[] = []
  for (const variant of python ? variants : []) {
    const peer = await torchRunner(python!, threads, clock, variant)
    if (peer) peers.push(peer)
  }
  const runners = [...peers, ...(await Promise.all(names.map((name) => engineRunner(name, threads, clock))))]
  const results: BenchResult[] = []
  try {
    for (const net of nets) {
      const able = runners.filter(({ name }) => canTrain(name, net))
      const medians = await measure(net, able, rounds, summary, log)
      const slowest = medians.has('wasm-stock') ? 'wasm-stock' : 'wasm'
      for (const [name, value] of medians) {
        const base = medians.get(slowest)
        const reference = base && name !== slowest ? { reference: `${slowest}/${net}`, ratio: base / value } : {}
        results.push({ name: `${name}/${net}`, value, unit: 'ms', ...reference })
      }
      const ours = medians.get('onnxruntime')
      for (const { name } of ours === undefined ? [] : peers)
        results.push({
          name: `onnxruntime/${net} beside PyTorch`,
          value: ours!,
          unit: 'ms',
          reference: `${name}/${net}`,
          ratio: medians.get(name)! / ours!,
        })
      const ort = runners.find(({ name }) => name === 'onnxruntime')
      if (ort) results.push(...(await kernelTimes(ort, net)))
    }
  } finally {
    for (const runner of runners) runner.stop()
  }
  const machine = { cpu: cpus()[0]?.model ?? 'unknown', cores: availableParallelism(), threads }
  return { bench: 'train-step', machine, results }
}

/** Where the time of a step goes, so that the next slow kernel is visible. */
async function kernelTimes(runner: Runner, net: string): Promise<BenchResult[]> {
  const { kernels = {} } = await runner.step({ net, steps: 5, profile: true })
  return Object.entries(kernels)
    .sort(([, a], [, b]) => b.ms - a.ms)
    .filter(([, { ms }]) => ms >= 0.1)
    .map(([kernel, { ms, calls }]) => ({
      name: `kernel ${kernel} ×${calls.toFixed(0)} of ${net}`,
      value: ms,
      unit: 'ms',
    }))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const flag = (name: string) => {
    const at = process.argv.indexOf(`--${name}`)
    return at < 0 ? undefined : process.argv[at + 1]
  }
  const report = await run({
    ...(flag('threads') && { threads: Number(flag('threads')) }),
    ...(flag('rounds') && { rounds: Number(flag('rounds')) }),
    ...(flag('nets') && { nets: flag('nets') as string }),
    ...(flag('engines') && { engines: flag('engines') as string }),
    peers: process.argv.includes('--peers'),
    processor: process.argv.includes('--processor'),
    log: (line) => console.error(line),
  })
  if (process.argv.includes('--json')) console.log(JSON.stringify(report))
  else
    for (const { name, value, unit, reference, ratio } of report.results)
      console.log(
        `${name.padEnd(60)} ${value.toFixed(1).padStart(9)} ${unit}${ratio ? `  ${ratio.toFixed(2)}× ${reference}` : ''}`,
      )
  process.exit(0)
}
