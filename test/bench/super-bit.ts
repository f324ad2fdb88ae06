/**
 * One training step of ABS beside the plain step of the same network (pre-activation ResNet-20, batch 64, 32×32
 * images) and the step of a search over three paths; live tensor memory in the middle of each.
 *   npm run bench -- super-bit [--steps 5] [--depth 20] [--widths 16,32,64] [--batch 64] [--json]
 */
import { pathToFileURL } from 'node:url'
import * as tf from '@tensorflow/tfjs-core'
import type { Bench, BenchResult } from '../../core/cli/commands/bench.ts'
import { seeded } from '../../core/random.ts'
import { momentum, softmaxCrossEntropy, trainStep, useEngine } from '../../core/tensor/index.ts'
import {
  graphNetwork,
  multiPathNetwork,
  preActivationResNet,
  superBitNetwork,
} from '../../search-spaces/compression/index.ts'

export interface SuperBitBenchOptions {
  /** Timed steps of each kind. */
  readonly steps?: number
  readonly batch?: number
  readonly depth?: number
  /** Filters of the three stages, as in '16,32,64'. */
  readonly widths?: string
  readonly engine?: string
  readonly log?: (line: string) => void
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1] as number
/** Processor time of all threads: the wall clock would measure what else the machine does. */
const processorMs = (since: NodeJS.CpuUsage) => {
  const { user, system } = process.cpuUsage(since)
  return (user + system) / 1000
}
/** λ of the loss; its value costs nothing. */
const LAMBDA = 0.1

interface Kind {
  readonly name: string
  readonly variables: (step: number) => readonly tf.Variable[]
  readonly loss: (x: tf.Tensor, labels: tf.Tensor, step: number) => tf.Scalar
  readonly ms: number[]
  bytes: number
}

export async function run(options: SuperBitBenchOptions = {}): Promise<Bench> {
  const { log = () => {}, widths = '16,32,64' } = options
  const [steps, batch, depth] = [options.steps ?? 5, options.batch ?? 64, options.depth ?? 20].map(Number) as [
    number,
    number,
    number,
  ]
  const engine = await useEngine(options.engine ?? 'auto')
  const rng = seeded(1)
  const graph = preActivationResNet({
    depth,
    widths: String(widths).split(',').map(Number) as [number, number, number],
  })
  using plain = graphNetwork(graph)
  using single = superBitNetwork(graph)
  using bitsAlone = superBitNetwork(graph, { prune: false })
  using multiple = multiPathNetwork(graph)
  const x = tf.tensor4d(
    Float32Array.from({ length: batch * 32 * 32 * 3 }, () => rng.normal()),
    [batch, 32, 32, 3],
  )
  const labels = tf.tensor1d(
    Int32Array.from({ length: batch }, () => rng.int(10)),
    'int32',
  )
  const turnOf = (step: number) => (step % 2 === 0 ? 'weights' : 'activations')
  const kind = (name: string, variables: Kind['variables'], loss: Kind['loss']): Kind => {
    return { name, variables, loss, ms: [], bytes: 0 }
  }
  const withCost = ({ logits, logBops }: { logits: tf.Tensor; logBops: tf.Scalar }, targets: tf.Tensor) =>
    tf.add(softmaxCrossEntropy(logits, targets), tf.mul(logBops, LAMBDA)) as tf.Scalar
  const kinds: readonly Kind[] = [
    kind(
      'plain',
      () => plain.trainable,
      (images, targets) => softmaxCrossEntropy(plain.apply(images, { training: true }), targets),
    ),
    kind(
      'abs',
      (step) => single.learning(turnOf(step)),
      (images, targets, step) => withCost(single.search(images, turnOf(step)), targets),
    ),
    kind(
      'abs-q',
      (step) => bitsAlone.learning(turnOf(step)),
      (images, targets, step) => withCost(bitsAlone.search(images, turnOf(step)), targets),
    ),
    kind(
      'three-paths',
      () => multiple.trainable,
      (images, targets) => withCost(multiple.search(images), targets),
    ),
  ]
  log(`engine ${engine.name}; ResNet-${depth}, widths ${widths}, batch ${batch}`)
  // Kinds take turns, so that a busy machine is as busy for each.
  const optimizers = kinds.map(() => momentum({ learningRate: 0.001, nesterov: true }))
  for (let step = 0; step < steps + 2; step++)
    kinds.forEach((each, k) => {
      const before = tf.memory().numBytes
      const loss = () => {
        const value = each.loss(x, labels, step)
        // The forward pass is done, and everything that the backward pass needs is alive.
        each.bytes = tf.memory().numBytes - before
        return value
      }
      const began = process.cpuUsage()
      trainStep({ variables: each.variables(step), optimizer: optimizers[k] as (typeof optimizers)[number], loss })
      if (step >= 2) each.ms.push(processorMs(began))
    })
  for (const optimizer of optimizers) optimizer.dispose()
  tf.dispose([x, labels])
  const [own, abs, absQ, paths] = kinds.map(({ ms }) => median(ms)) as [number, number, number, number]
  const bytes = kinds.map((each) => each.bytes) as [number, number, number, number]
  log(kinds.map(({ name, ms }) => `${name} ${median(ms).toFixed(0)} ms`).join(', '))
  log(`ABS costs ${(abs / own).toFixed(2)} plain steps, ABS-Q ${(absQ / own).toFixed(2)}`)
  log(
    `three paths cost ${(paths / abs).toFixed(2)} of ABS, ${(paths / absQ).toFixed(2)} of ABS-Q (both search bits alone)`,
  )
  log(`memory of a step: ${bytes.map((n) => `${(n / 1e6).toFixed(0)} MB`).join(', ')}`)
  const results: BenchResult[] = kinds.flatMap((each, k): BenchResult[] => [
    {
      name: `step/${each.name}`,
      value: median(each.ms),
      unit: 'ms',
      ...(k > 0 && { reference: 'step/plain', ratio: own / median(each.ms) }),
    },
    { name: `memory/${each.name}`, value: each.bytes, unit: 'bytes' },
  ])
  results.push(
    { name: 'abs-over-plain', value: abs / own, unit: 'times' },
    { name: 'three-paths-over-abs', value: paths / abs, unit: 'times' },
    { name: 'three-paths-over-abs-q', value: paths / absQ, unit: 'times' },
    { name: 'memory/three-paths-over-abs-q', value: bytes[3] / bytes[2], unit: 'times' },
  )
  return { bench: 'super-bit', results }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  console.log(JSON.stringify(await run({ log: (line) => console.error(line) })))
