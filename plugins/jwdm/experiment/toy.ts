import * as tf from '@tensorflow/tfjs-core'
import { type Random, seeded } from '../../../core/index.ts'
import { type LabelledPoints, mixture } from '../../../evaluators/data/index.ts'
import { pointsOf } from '../../../evaluators/metrics/transport/index.ts'
import { nextTurn } from '../../../evaluators/training/batches.ts'
import { denseJointNetwork } from '../dense-network.ts'
import { type JointAgreement, jointAgreement, jointFloor } from '../joint-law.ts'
import { type JointObjective, objectives } from '../objective.ts'
import { heldThenLinear, jointSteps } from '../trainer.ts'

export interface ToyPlan {
  readonly sets: readonly ToySet[]
  readonly steps: Readonly<Record<ToySet, number>>
  readonly batch: number
  readonly hidden: readonly number[]
  /** Number of points for measurements. Exact assignment takes cubic time. */
  readonly measured: number
  readonly seeds: number
}

export type ToySet = 'gaussians' | 'rings'

type Draw = (count: number, rng: Random) => Float32Array

const gaussian =
  (mean: readonly [number, number], deviation: readonly [number, number]): Draw =>
  (count, rng) =>
    Float32Array.from({ length: 2 * count }, (_, i) => mean[i % 2]! + deviation[i % 2]! * rng.normal())

const modes =
  (count: number, radius: number, turn: number): Draw =>
  (n, rng) => {
    const { points }: LabelledPoints = mixture({ modes: count, noise: 0.05 }).draw(n, rng)
    const [cos, sin] = [Math.cos(turn), Math.sin(turn)]
    return points.map((value, i) =>
      i % 2 === 0 ? radius * (cos * value - sin * points[i + 1]!) : radius * (sin * points[i - 1]! + cos * value),
    )
  }

/** Two domains in the plane each: Gaussians of other shape and place, or eight modes on rings of other size and turn. */
export const toySets: Readonly<Record<ToySet, { readonly x: Draw; readonly y: Draw }>> = {
  gaussians: { x: gaussian([0, 0], [1.2, 0.4]), y: gaussian([0.5, -0.3], [0.5, 1]) },
  rings: { x: modes(8, 1.5, 0), y: modes(8, 1, Math.PI / 8) },
}

const log = { adversary: 'log' } as const

/**
 * The joint objective, each of its terms left out, and the baselines, all with log losses, so that they differ only in
 * their terms.
 */
export const toyMethods: Readonly<Record<string, JointObjective>> = {
  'two GANs': objectives.independentGans,
  'CycleGAN-style': { ...objectives.cycleGan, ...log },
  'UNIT-style': { ...objectives.unit, ...log },
  'auto-encoder + cycle': { latent: 0, cycledFakes: false },
  JWDM: objectives.jwdm,
  '− cycle term': { cycle: 0, cycledFakes: false },
  '− auto-encoder term': { autoEncoder: 0 },
  '− latent game': { latent: 0 },
  '− cycled fakes': { cycledFakes: false },
}

export interface ToyRun extends JointAgreement {
  readonly set: ToySet
  readonly method: string
  readonly seed: number
  readonly floor: number
}

export interface RunContext {
  readonly log: (text: string) => void
  readonly signal: AbortSignal
}

/** Trains one method on one set with one seed, and measures it on points that it has not seen. */
export async function toyRun(
  set: ToySet,
  method: string,
  plan: ToyPlan,
  { seed, log, signal }: RunContext & { seed: number },
): Promise<ToyRun> {
  const draw = toySets[set]
  const rng = seeded(`${set} ${seed}`)
  const objective = toyMethods[method] as JointObjective
  using network = denseJointNetwork({ x: 2, y: 2, hidden: plan.hidden, rng: rng.fork('weights') })
  const steps = plan.steps[set]
  const rate = heldThenLinear(5e-4)
  using joint = jointSteps(network, { objective, learningRate: rate(0, steps) })
  const [draws, noise] = [rng.fork('draws'), rng.fork('noise')]
  for (let step = 0; step < steps; step++) {
    joint.learningRate = rate(step, steps)
    const x = tf.tensor2d(draw.x(plan.batch, draws), [plan.batch, 2])
    const y = tf.tensor2d(draw.y(plan.batch, draws), [plan.batch, 2])
    joint.step(x, y, noise)
    tf.dispose([x, y])
    if (step % 50 === 0) {
      await nextTurn()
      signal.throwIfAborted()
    }
  }
  const found = measure(network, draw, plan.measured, rng.fork('measure'))
  log(
    `${set}, seed ${seed}, ${method}: joint W₂² ${found.joint.toFixed(3)} (floor ${found.floor.toFixed(3)}), cycle ${found.cycle.toFixed(3)}, auto-encoder ${found.autoEncoder.toFixed(3)}, latent ${found.latent.toFixed(2)}, interpolation ${found.interpolation.toFixed(3)}`,
  )
  return { set, method, seed, ...found }
}

function measure(
  network: ReturnType<typeof denseJointNetwork>,
  draw: (typeof toySets)[ToySet],
  n: number,
  rng: Random,
) {
  const samples = { x: draw.x(n, rng), y: draw.y(n, rng), otherX: draw.x(n, rng), otherY: draw.y(n, rng) }
  const { x, y, otherX, otherY } = samples
  const points = (values: Float32Array) => pointsOf(values, 2)
  const floor = jointFloor([points(x), points(otherX)], [points(y), points(otherY)])
  const agreement = tf.tidy(() => jointAgreement(network, tf.tensor2d(x, [n, 2]), tf.tensor2d(y, [n, 2])))
  return { ...agreement, floor }
}

/** Every method on every set with every seed. */
export async function toyRuns(plan: ToyPlan, { seed, ...context }: RunContext & { seed: number }) {
  const runs: ToyRun[] = []
  for (let k = 0; k < plan.seeds; k++)
    for (const set of plan.sets)
      for (const method of Object.keys(toyMethods))
        runs.push(await toyRun(set, method, plan, { ...context, seed: seed + k }))
  return runs
}
