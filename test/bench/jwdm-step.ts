/**
 * A joint training step of JWDM, on points and on images, against its passes measured alone: the critics' loss with its
 * gradients on ready-made fakes, and the encoders' and decoders' loss with theirs. The step adds two Adam updates and the
 * reading of the losses.   npm run bench -- jwdm-step [--steps 30] [--engine wasm] [--json]
 */
import { pathToFileURL } from 'node:url'
import * as tf from '@tensorflow/tfjs-core'
import type { Bench, BenchResult } from '../../core/cli/commands/bench.ts'
import { seeded } from '../../core/random.ts'
import { useEngine } from '../../core/tensor/index.ts'
import {
  convolutionalJointNetwork,
  denseJointNetwork,
  type JointNetwork,
  jointSteps,
} from '../../plugins/jwdm/index.ts'
import { criticsLoss, generatorLosses } from '../../plugins/jwdm/losses.ts'
import { resolveObjective } from '../../plugins/jwdm/objective.ts'
import { forward, type Passes } from '../../plugins/jwdm/passes.ts'
import { median, ratioOfParts, timed } from './step-parts/turns.ts'

export interface JwdmStepBenchOptions {
  /** Timed rounds of each network. */
  readonly steps?: number
  readonly engine?: string
  readonly log?: (line: string) => void
}

function normal(shape: readonly number[], seed: number): tf.Tensor {
  const rng = seeded(seed)
  const size = shape.reduce((product, n) => product * n, 1)
  const values = Float32Array.from({ length: size }, () => rng.normal())
  return tf.tensor(values, [...shape])
}

const images = { features: 8, halvings: 1, blocks: 2, kernel: 5, criticHalvings: 2 }
const networks: Readonly<Record<string, { build: () => JointNetwork; shape: readonly number[] }>> = {
  points: { build: () => denseJointNetwork({ x: 2, y: 2, rng: seeded(1) }), shape: [128, 2] },
  images: {
    build: () => convolutionalJointNetwork({ x: [16, 16, 1], y: [16, 16, 1], ...images, rng: seeded(1) }),
    shape: [8, 16, 16, 1],
  },
}

export async function run(options: JwdmStepBenchOptions = {}): Promise<Bench> {
  const { log = () => {} } = options
  const rounds = Number(options.steps ?? 30)
  const engine = await useEngine(options.engine ?? 'auto')
  log(`engine ${engine.name}, ${rounds} rounds`)
  const results: BenchResult[] = []
  for (const [name, { build, shape }] of Object.entries(networks)) {
    using network = build()
    const batch = { x: normal(shape, 1), y: normal(shape, 2) }
    const objective = resolveObjective()
    const mode = { training: true }
    const rng = seeded(3)
    using joint = jointSteps(network, { learningRate: 1e-4 })
    // Kept in flat form: what tidy lets through.
    const made = tf.tidy(() => ({ ...flat(forward(network, batch, objective, mode)) }))
    const ready = passesOf(made, batch)
    const found = timed(
      [
        { name: 'step', run: () => void joint.step(batch.x, batch.y, rng) },
        {
          name: 'critics',
          run: () =>
            tf.tidy(
              () => void tf.variableGrads(() => criticsLoss(network, ready, objective, rng), [...network.critics]),
            ),
        },
        {
          name: 'generators',
          run: () =>
            tf.tidy(
              () =>
                void tf.variableGrads(
                  () => generatorLosses(network, forward(network, batch, objective, mode), objective).loss,
                  [...network.trainable],
                ),
            ),
        },
      ],
      rounds,
    )
    const ratio = ratioOfParts(found, 'step', ['critics', 'generators'])
    const ms = (part: string) => median(found[part] ?? [])
    results.push({ name: `${name}/step`, value: ms('step'), unit: 'ms', reference: `${name}/passes alone`, ratio })
    log(
      `${name}: step ${ms('step').toFixed(1)} ms; critics alone ${ms('critics').toFixed(1)}, encoders and decoders alone ${ms('generators').toFixed(1)}; step / passes ${(1 / ratio).toFixed(2)}`,
    )
    tf.dispose([batch.x, batch.y, ...Object.values(made)])
  }
  return { bench: 'jwdm-step', results }
}

const parts = ['code', 'reconstructed', 'translated', 'translatedCode', 'cycled'] as const

const flat = (passes: Passes): Record<string, tf.Tensor> =>
  Object.fromEntries(
    (['x', 'y'] as const).flatMap((side) => parts.map((part) => [`${side} ${part}`, passes[side][part] as tf.Tensor])),
  )

function passesOf(made: Readonly<Record<string, tf.Tensor>>, batch: Readonly<Record<'x' | 'y', tf.Tensor>>): Passes {
  const of = (side: 'x' | 'y') => ({
    real: batch[side],
    ...Object.fromEntries(parts.map((part) => [part, made[`${side} ${part}`]])),
  })
  return { x: of('x'), y: of('y') } as unknown as Passes
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  console.log(JSON.stringify(await run({ log: (line) => console.error(line) })))
