/** The program of the process that `probe` starts: measures one engine, prints one line of JSON. */
import * as tf from '@tensorflow/tfjs-core'
import { messageOf } from '../errors.ts'
import { type Random, seeded } from '../random.ts'
import { engineNamed, useEngine } from './engine.ts'
import { conv2d, dense, globalAvgPool, sequential } from './layers/index.ts'
import { softmaxCrossEntropy } from './losses.ts'
import { momentum } from './optimizers.ts'
import type { Probe, ProbeAnswer, Speed } from './probe.ts'
import { missingGradients } from './requirements.ts'
import { type VariableScope, variableScope } from './scope.ts'

interface Work {
  readonly sizes: readonly number[]
  /** Floating-point operations of one run. */
  readonly operations: (size: number) => number
  readonly run: (size: number) => Promise<unknown>
}

/** Milliseconds for one kind of work. With two kinds, an engine takes about two seconds. */
const budget = 900
/** On a busy machine it may take this many times longer. */
const patience = 4

interface Time {
  readonly wall: number
  readonly processor: number
}

const now = (): Time => {
  const { user, system } = process.cpuUsage()
  return { wall: performance.now(), processor: (user + system) / 1000 }
}

/**
 * Milliseconds of a run: the smaller of wall-clock time and processor time. Other programs lengthen the former,
 * several threads the latter.
 */
async function timed(run: () => Promise<unknown>, onDevice: boolean): Promise<number> {
  const start = now()
  await run()
  return between(start, now(), onDevice)
}

const between = (start: Time, end: Time, onDevice: boolean): number => {
  const wall = end.wall - start.wall
  return onDevice ? wall : Math.min(wall, end.processor - start.processor)
}

/**
 * Increases the size of the work while there is time, and repeats the largest size until the time is over. The fastest
 * run counts.
 */
async function measure({ sizes, operations, run }: Work, onDevice: boolean): Promise<{ gflops: number; ms: number }> {
  const start = now()
  const left = () => {
    const current = now()
    const byClock = (budget * patience - (current.wall - start.wall)) / patience
    return Math.min(budget - between(start, current, onDevice), byClock)
  }
  // The first run of a size prepares the engine, and counts only if there is no time for a second.
  const quickest = async (size: number) => {
    const first = await timed(() => run(size), onDevice)
    return first < left() ? timed(() => run(size), onDevice) : first
  }
  let [size, ms] = [sizes[0] as number, await quickest(sizes[0]!)]
  for (const next of sizes.slice(1)) {
    // One run to prepare, two to measure.
    if ((3 * ms * operations(next)) / operations(size) > left()) break
    ;[size, ms] = [next, await quickest(next)]
  }
  while (ms < left()) ms = Math.min(ms, await timed(() => run(size), onDevice))
  return { gflops: operations(size) / ms / 1e6, ms }
}

const matmul: Work = {
  sizes: [64, 128, 256, 512, 1024, 2048],
  operations: (n) => 2 * n ** 3,
  run: async (n) => {
    const product = tf.tidy(() => tf.sum(tf.matMul(tf.fill([n, n], 0.5), tf.fill([n, n], 0.5))))
    await product.data()
    product.dispose()
  },
}

const [side, channels, widths, classes] = [16, 8, [32, 64] as const, 10] as const

function net(scope: VariableScope) {
  const [first, second] = widths
  return sequential(
    conv2d(scope.child('conv1'), { inputChannels: channels, filters: first, kernel: 3 }),
    scope.child('norm1').normalise(first, { relu: true }),
    conv2d(scope.child('conv2'), { inputChannels: first, filters: second, kernel: 3, stride: 2 }),
    scope.child('norm2').normalise(second, { relu: true }),
    globalAvgPool(),
    dense(scope.child('dense'), { inputs: second, units: classes }),
  )
}

// Forward, gradient of the inputs, gradient of the kernels.
const multiplyAdds = 3 * (side ** 2 * 9 * channels * widths[0] + (side / 2) ** 2 * 9 * widths[0] * widths[1])
const trainingOf = (scope: VariableScope, optimizer: tf.Optimizer, rng: Random): Work => {
  const layers = net(scope)
  return {
    sizes: [2, 8, 32, 128, 512],
    operations: (batch) => 2 * multiplyAdds * batch,
    run: async (batch) => {
      const loss = tf.tidy(() => {
        const x = tf.randomUniform([batch, side, side, channels], -1, 1, 'float32', 1)
        const y = tf.zeros([batch], 'int32')
        const { value, grads } = tf.variableGrads(
          () => softmaxCrossEntropy(layers(x, { training: true, rng }), y),
          [...scope.trainable],
        )
        optimizer.applyGradients(grads)
        return value
      })
      // Not read synchronously: a GPU cannot.
      await loss.data()
      loss.dispose()
    },
  }
}

async function measured(name: string | undefined): Promise<Probe> {
  const report = await useEngine(name)
  const rng = seeded('probe')
  using scope = variableScope({ rng })
  using optimizer = momentum({ learningRate: 0.01 })
  const { onDevice = false } = await engineNamed(report.name)
  const product = await measure(matmul, onDevice)
  const step = await measure(trainingOf(scope, optimizer, rng), onDevice)
  const speed: Speed = { matmulGflops: product.gflops, trainingGflops: step.gflops, trainingStepMs: step.ms }
  return { ...report, missingGradients: missingGradients(), speed }
}

const answer: ProbeAnswer = await measured(process.argv[2]).catch((thrown: unknown) => ({ failure: messageOf(thrown) }))
process.stdout.write(`${JSON.stringify(answer)}\n`, () => process.exit(0))
