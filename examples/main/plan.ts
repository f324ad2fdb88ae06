import type { Clock, Dataset, SearchSpace } from 'archloom'
import { seeded } from 'archloom'
import { supervisedTrainer } from 'archloom/evaluators/training'

/** How long training takes on this machine, measured on one architecture. */
export interface Speed {
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
  readonly batchSize: number
  /** Measured to make the plan; null where the user fixed it. */
  readonly speed: Speed | null
}

/** A forward pass costs about a third of a training step. */
const EVALUATION = 0.35
/** The search's share of the time; most of the rest is for the winner. */
const SEARCH = 0.46
const [STEPS, FEWEST_STEPS] = [60, 12]
/** Training steps of the winner where the user fixed those of a trial. */
const LONGER = 10

const clamp = (value: number, least: number, most: number) => Math.min(most, Math.max(least, Math.round(value)))
const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number

/** The architecture of middling cost among a few dozen random ones. */
export function middling<A>(space: SearchSpace<A>, { train }: Pick<Dataset, 'train'>): A {
  const rng = seeded('middling')
  const costOf = (architecture: A) =>
    space.cost?.(architecture, { input: train.inputShape, classes: train.classes }).multiplyAdds ?? 0
  const drawn = Array.from({ length: 31 }, () => space.decode(space.random(rng)))
  return drawn.sort((a, b) => costOf(a) - costOf(b))[15] as A
}

/** Trains an architecture for a few steps. */
export async function measure<A>(
  space: SearchSpace<A>,
  architecture: A,
  { train }: Pick<Dataset, 'train'>,
  batchSize: number,
  clock: Clock,
): Promise<Speed> {
  const form = { input: train.inputShape, classes: train.classes }
  const rng = seeded('speed')
  if (!space.build) throw new Error(`space ${space.name} builds no networks`)
  using network = space.build(architecture, { ...form, rng })
  const times: number[] = []
  let before = clock.now()
  const trainer = supervisedTrainer({ batchSize, reportEvery: 1 })
  for await (const _ of trainer.fit(network, train, { epochs: (8 * batchSize) / train.size, rng })) {
    times.push(clock.now() - before)
    before = clock.now()
  }
  const stepMs = Math.max(1, median(times.slice(1)))
  return {
    multiplyAdds: space.cost?.(architecture, form).multiplyAdds ?? 0,
    batchSize,
    stepMs: Math.round(stepMs),
    firstStepMs: Math.round(Math.max(0, (times[0] ?? 0) - stepMs)),
  }
}

/** Divides the search's share of the time between trials. */
export function planFor(speed: Speed, leftMs: number, validationSize: number, trialsWanted: number | undefined): Plan {
  const { stepMs, firstStepMs, batchSize } = speed
  const trialMs = (steps: number) =>
    2 * firstStepMs + (steps + EVALUATION * Math.ceil(validationSize / batchSize)) * stepMs
  const searchMs = SEARCH * leftMs
  const trials = trialsWanted ?? clamp(searchMs / trialMs(STEPS), 6, 40)
  const steps = clamp((searchMs / trials - trialMs(0)) / stepMs, FEWEST_STEPS, 1000)
  return { trials, steps, batchSize, speed }
}

/** How many steps the winner is trained for: all that the time left allows, with some of it kept back. */
export function winnerSteps(plan: Plan, speed: Speed | undefined, leftMs: number, measuredOn: number): number {
  if (!speed) return LONGER * plan.steps
  const measuring = EVALUATION * (measuredOn / plan.batchSize) * speed.stepMs
  return clamp((0.9 * leftMs - measuring) / speed.stepMs, FEWEST_STEPS, 20_000)
}
