import type { Random } from '../../core/index.ts'
import type { PolicyOptimizer } from '../../core/policy/index.ts'
import {
  addGradient,
  clearGradients,
  copyOf,
  type DenseLayer,
  denseLayer,
  forward,
  inputGradient,
  layersAdam,
  rectify,
  softUpdate,
} from './perceptron.ts'

/** μ(s): state → hidden → ReLU → hidden → ReLU → 1 → sigmoid. */
export type Actor = readonly [first: DenseLayer, second: DenseLayer, last: DenseLayer]
/**
 * Q(s, a): ReLU(W₁s + b₁ + W₂a + b₂) → hidden → ReLU → 1; the layers for state and action, the second and the last
 * one.
 */
export type Critic = readonly [ofState: DenseLayer, ofAction: DenseLayer, second: DenseLayer, last: DenseLayer]

export const newActor = (states: number, hidden: number, rng: Random): Actor => [
  denseLayer(states, hidden, rng.fork('first')),
  denseLayer(hidden, hidden, rng.fork('second')),
  denseLayer(hidden, 1, rng.fork('last')),
]

export const newCritic = (states: number, hidden: number, rng: Random): Critic => [
  denseLayer(states, hidden, rng.fork('state')),
  denseLayer(1, hidden, rng.fork('action')),
  denseLayer(hidden, hidden, rng.fork('second')),
  denseLayer(hidden, 1, rng.fork('last')),
]

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x))

interface ActorPass {
  readonly first: Float64Array
  readonly second: Float64Array
  readonly action: Float64Array
}

function actorPass([first, second, last]: Actor, states: Float64Array, rows: number): ActorPass {
  const a = rectify(forward(first, states, rows))
  const b = rectify(forward(second, a, rows))
  return { first: a, second: b, action: forward(last, b, rows).map(sigmoid) }
}

/** Computes actions in (0, 1) for rows of states. */
export const act = (actor: Actor, states: Float64Array, rows: number): Float64Array =>
  actorPass(actor, states, rows).action

interface CriticPass {
  readonly first: Float64Array
  readonly second: Float64Array
  readonly value: Float64Array
}

export function criticPass(
  [ofState, ofAction, second, last]: Critic,
  states: Float64Array,
  actions: Float64Array,
  rows: number,
): CriticPass {
  const a = rectify(forward(ofAction, actions, rows, forward(ofState, states, rows)))
  const b = rectify(forward(second, a, rows))
  return { first: a, second: b, value: forward(last, b, rows) }
}

/** Adds the gradients of Σ dvalue · Q to the critic. */
export function criticGradient(
  [ofState, ofAction, second, last]: Critic,
  { first: a, second: b }: CriticPass,
  states: Float64Array,
  actions: Float64Array,
  dvalue: Float64Array,
  rows: number,
): void {
  addGradient(last, b, dvalue, rows)
  const db = inputGradient(last, dvalue, rows, b)
  addGradient(second, a, db, rows)
  const da = inputGradient(second, db, rows, a)
  addGradient(ofState, states, da, rows)
  addGradient(ofAction, actions, da, rows)
}

/** dQ/da of every row, times `dvalue`. */
export function actionGradient(
  [, ofAction, second, last]: Critic,
  { first: a, second: b }: CriticPass,
  dvalue: Float64Array,
  rows: number,
): Float64Array {
  const db = inputGradient(last, dvalue, rows, b)
  return inputGradient(ofAction, inputGradient(second, db, rows, a), rows)
}

/** One step of a search: state, raw action, reward of the episode, and next state. */
export interface Transition {
  readonly state: readonly number[]
  readonly action: number
  readonly reward: number
  readonly next: readonly number[]
  readonly last: boolean
}

export interface ActorCriticOptions {
  readonly states: number
  /** Number of units of both hidden layers. */
  readonly hidden: number
  readonly actorLearningRate: number
  readonly criticLearningRate: number
  /** τ: share by which the target networks follow after every step. */
  readonly tau: number
  /** γ. */
  readonly discount: number
  /** Share by which the baseline follows the mean reward of a batch. */
  readonly baselineRate: number
}

/** Deep deterministic policy gradient (Lillicrap et al., arXiv:1509.02971) with a moving baseline, as in AMC and CACP. */
export class ActorCritic {
  readonly options: ActorCriticOptions
  readonly actor: Actor
  readonly critic: Critic
  readonly targetActor: Actor
  readonly targetCritic: Critic
  readonly actorOptimizer: PolicyOptimizer
  readonly criticOptimizer: PolicyOptimizer
  /** Moving mean reward b; undefined before the first batch. */
  baseline: number | undefined

  constructor(options: ActorCriticOptions, rng: Random) {
    this.options = options
    this.actor = newActor(options.states, options.hidden, rng.fork('actor'))
    this.critic = newCritic(options.states, options.hidden, rng.fork('critic'))
    this.targetActor = this.actor.map(copyOf) as unknown as Actor
    this.targetCritic = this.critic.map(copyOf) as unknown as Critic
    this.actorOptimizer = layersAdam(this.actor, options.actorLearningRate)
    this.criticOptimizer = layersAdam(this.critic, options.criticLearningRate)
  }

  act(state: readonly number[]): number {
    return act(this.actor, Float64Array.from(state), 1)[0] as number
  }

  /** Updates the baseline: b ← mean at first, then b + rate · (mean − b). */
  moveBaseline(mean: number): number {
    this.baseline =
      this.baseline === undefined ? mean : this.baseline + this.options.baselineRate * (mean - this.baseline)
    return this.baseline
  }

  /** The targets of the critic: (R − b) + γ · Q′(s′, μ′(s′)), without the second term after the last step. */
  targets(batch: readonly Transition[]): Float64Array {
    const rows = batch.length
    const baseline = this.moveBaseline(batch.reduce((sum, { reward }) => sum + reward, 0) / rows)
    const next = Float64Array.from(batch.flatMap((transition) => transition.next))
    const { value } = criticPass(this.targetCritic, next, act(this.targetActor, next, rows), rows)
    return value.map((q, row) => {
      const { reward, last } = batch[row] as Transition
      return reward - baseline + (last ? 0 : this.options.discount * q)
    })
  }

  /** One gradient step of critic and actor; returns the critic's loss and the variance of its targets. */
  update(batch: readonly Transition[]): { readonly criticLoss: number; readonly targetVariance: number } {
    const rows = batch.length
    const states = Float64Array.from(batch.flatMap(({ state }) => state))
    const actions = Float64Array.from(batch, ({ action }) => action)
    const targets = this.targets(batch)

    const pass = criticPass(this.critic, states, actions, rows)
    const errors = pass.value.map((value, row) => value - targets[row]!)
    clearGradients(this.critic)
    const slopes = errors.map((each) => (2 * each) / rows)
    criticGradient(this.critic, pass, states, actions, slopes, rows)
    this.criticOptimizer.step()

    const chosen = actorPass(this.actor, states, rows)
    const judged = criticPass(this.critic, states, chosen.action, rows)
    const slope = actionGradient(this.critic, judged, new Float64Array(rows).fill(-1 / rows), rows)
    const [first, second, last] = this.actor
    clearGradients(this.actor)
    const dlogit = slope.map((d, row) => d * chosen.action[row]! * (1 - chosen.action[row]!))
    addGradient(last, chosen.second, dlogit, rows)
    const dsecond = inputGradient(last, dlogit, rows, chosen.second)
    addGradient(second, chosen.first, dsecond, rows)
    addGradient(first, states, inputGradient(second, dsecond, rows, chosen.first), rows)
    this.actorOptimizer.step()

    softUpdate(this.targetActor, this.actor, this.options.tau)
    softUpdate(this.targetCritic, this.critic, this.options.tau)
    const mean = targets.reduce((sum, y) => sum + y, 0) / rows
    return {
      criticLoss: errors.reduce((sum, each) => sum + each * each, 0) / rows,
      targetVariance: targets.reduce((sum, y) => sum + (y - mean) ** 2, 0) / rows,
    }
  }
}
