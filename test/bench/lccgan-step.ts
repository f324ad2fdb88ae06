/**
 * A training step of LCCGAN, on points and on images, against its passes measured alone: the discriminator's loss with
 * its gradients on ready-made fakes, and the generator's with its own. The step adds the draw of local coordinates, two
 * Adam updates and the reading of the losses.   npm run bench -- lccgan-step [--steps 30] [--engine wasm] [--json]
 */
import * as tf from '@tensorflow/tfjs-core'
import type { Bench, BenchResult } from '../../core/cli/commands/bench.ts'
import { seeded } from '../../core/random.ts'
import { useEngine } from '../../core/tensor/index.ts'
import { adversarialLosses } from '../../evaluators/training/adversarial/index.ts'
import { convolutionalGan, denseGan, type Gan, game, lccSampler } from '../../plugins/lccgan/index.ts'
import { median, ratioOfParts, timed } from './step-parts/turns.ts'

export interface LccganStepBenchOptions {
  /** Timed rounds of each network. */
  readonly steps?: number
  readonly engine?: string
  readonly log?: (line: string) => void
}

function normal(shape: readonly number[], seed: number): Float32Array {
  const rng = seeded(seed)
  return Float32Array.from({ length: shape.reduce((product, n) => product * n, 1) }, () => rng.normal())
}

const networks: Readonly<Record<string, { build: () => Gan; shape: readonly [number, ...number[]] }>> = {
  points: { build: () => denseGan({ latentDimension: 4, dimension: 8, rng: seeded(1) }), shape: [128, 8] },
  images: {
    build: () =>
      convolutionalGan({
        shape: [28, 28, 1],
        latentDimension: 100,
        features: 16,
        discriminatorFeatures: 8,
        rng: seeded(1),
      }),
    shape: [64, 28, 28, 1],
  },
}

export async function run(options: LccganStepBenchOptions = {}): Promise<Bench> {
  const { log = () => {} } = options
  const rounds = Number(options.steps ?? 30)
  const engine = await useEngine(options.engine ?? 'auto')
  log(`engine ${engine.name}, ${rounds} rounds`)
  const results: BenchResult[] = []
  const { real: ofReal, fake: ofFake, fool } = adversarialLosses.log
  const mode = { training: true }
  for (const [name, { build, shape }] of Object.entries(networks)) {
    using network = build()
    const [count] = shape
    const latent = network.inputShape[0] as number
    const values = normal([40, latent], 1)
    const bases = Array.from({ length: 40 }, (_, m) => Float64Array.from(values.subarray(m * latent, (m + 1) * latent)))
    const prior = lccSampler({ bases, neighbours: 3 })
    const real = tf.tensor(normal(shape, 2), [...shape])
    const inputs = tf.tensor2d(prior.draw(count, seeded(3)), [count, latent])
    const fake = tf.tidy(() => network.apply(inputs, mode))
    const rng = seeded(4)
    using play = game(network, prior, {
      loss: 'log',
      learningRate: 1e-5,
      discriminatorLearningRate: 1e-5,
      beta1: 0.5,
      beta2: 0.999,
      penalty: 10,
      generatorBatchSize: 'same',
      approximationWeight: 0,
      approximationOrder: 2,
      approximationExamples: 8,
    })
    const judge = (x: tf.Tensor) => network.discriminate(x, mode)
    const passes = (variables: readonly tf.Variable[], loss: () => tf.Scalar) => () =>
      tf.tidy(() => void tf.variableGrads(loss, [...variables]))
    const found = timed(
      [
        { name: 'step', run: () => void play.step(real, rng) },
        {
          name: 'discriminator',
          run: passes(network.discriminator.trainable, () => tf.add(ofReal(judge(real)), ofFake(judge(fake)))),
        },
        {
          name: 'generator',
          run: passes(network.generator.trainable, () => fool(judge(network.apply(inputs, mode)))),
        },
      ],
      rounds,
    )
    const ratio = ratioOfParts(found, 'step', ['discriminator', 'generator'])
    const ms = (part: string) => median(found[part] ?? [])
    results.push({ name: `${name}/step`, value: ms('step'), unit: 'ms', reference: `${name}/passes alone`, ratio })
    log(
      `${name}: step ${ms('step').toFixed(1)} ms; discriminator alone ${ms('discriminator').toFixed(1)}, ` +
        `generator alone ${ms('generator').toFixed(1)}; step / passes ${(1 / ratio).toFixed(2)}`,
    )
    tf.dispose([real, inputs, fake])
  }
  return { bench: 'lccgan-step', results }
}
