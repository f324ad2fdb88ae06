import type { Clock, Dataset, SearchSpace } from 'archloom'
import { seeded } from 'archloom'
import { supervisedTrainer } from 'archloom/evaluators/training'

/** How long things take on this machine, measured on a middling architecture. */
export interface Calibration {
  readonly multiplyAdds: number
  readonly batchSize: number
  /** One training step. */
  readonly stepMs: number
  /** What the first step of a new architecture costs more than the others. */
  readonly firstStepMs: number
}

/** What will be done, fixed before the search begins. Plain JSON, kept with the study. */
export interface Plan {
  readonly trials: number
  /** Training steps of a trial. */
  readonly steps: number
  /** Training steps of the winner, if it costs as much as the architecture measured. */
  readonly retrainSteps: number
  readonly batchSize: number
  readonly calibration: Calibration | null
}

/** A forward pass costs about a third of a training step. */
const EVALUATION = 0.35
/** Shares of the time for the search and for training the winner; the rest is for measuring it, and for luck. */
const [SEARCH, RETRAIN] = [0.46, 0.38]
const FEWEST_STEPS = 12

const clamp = (value: number, least: number, most: number) => Math.min(most, Math.max(least, Math.round(value)))
const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number

/** Trains a middling architecture for a few steps. The network's cost is the median of a few dozen random ones. */
export async function calibrate<A>(
  space: SearchSpace<A>,
  data: Pick<Dataset, 'train'>,
  batchSize: number,
  clock: Clock,
): Promise<Calibration> {
  const form = { input: data.train.inputShape, classes: data.train.classes }
  const rng = seeded('calibration')
  const costOf = (architecture: A) => space.cost?.(architecture, form).multiplyAdds ?? 0
  const drawn = Array.from({ length: 31 }, () => space.decode(space.random(rng))).sort((a, b) => costOf(a) - costOf(b))
  const architecture = drawn[15] as A
  if (!space.build) throw new Error(`space ${space.name} builds no networks`)
  using network = space.build(architecture, { ...form, rng })
  const times: number[] = []
  let before = clock.now()
  const steps = 6
  const epochs = (steps * batchSize) / data.train.size
  const trainer = supervisedTrainer({ batchSize, reportEvery: 1 })
  for await (const _ of trainer.fit(network, data.train, { epochs, rng })) {
    times.push(clock.now() - before)
    before = clock.now()
  }
  const stepMs = Math.max(1, median(times.slice(1)))
  return {
    multiplyAdds: costOf(architecture),
    batchSize,
    stepMs: Math.round(stepMs),
    firstStepMs: Math.round(Math.max(0, (times[0] ?? 0) - stepMs)),
  }
}

/** Divides the time that is left between trials and the winner's training. */
export function planFor(
  calibration: Calibration,
  leftMs: number,
  validationSize: number,
  trialsWanted: number | undefined,
): Plan {
  const { stepMs, firstStepMs, batchSize } = calibration
  const evaluationMs = (validationSize / batchSize) * EVALUATION * stepMs + firstStepMs
  const trialMs = (steps: number) => firstStepMs + evaluationMs + steps * stepMs
  const searchMs = SEARCH * leftMs
  const trials = trialsWanted ?? clamp(searchMs / trialMs(45), 6, 40)
  const steps = clamp((searchMs / trials - trialMs(0)) / stepMs, FEWEST_STEPS, 1000)
  const retrainSteps = clamp((RETRAIN * leftMs) / stepMs, FEWEST_STEPS, 20_000)
  return { trials, steps, retrainSteps, batchSize, calibration }
}
