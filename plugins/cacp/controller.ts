import type { Controller, Observation, Random, SearchSpace } from '../../core/index.ts'
import {
  type ChannelSpace,
  checkRate,
  constrainedCount,
  isChannelSpace,
  type PruningProblem,
} from '../../search-spaces/compression/prunable.ts'
import { ActorCritic, type Transition } from './actor-critic.ts'
import { error } from './errors.ts'
import { explorationSd, truncatedNormal } from './exploration.ts'
import { type CacpOptions, declared, type ResolvedOptions } from './options.ts'
import { Replay } from './replay.ts'
import { RateRewards } from './reward.ts'
import { STATE_SIZE, type StateRows, stateRows } from './state.ts'

/** A proposed episode: raw actions (before the constraint) and the resulting channels. */
interface Episode {
  readonly rate: number
  readonly actions: readonly number[]
  readonly kept: readonly number[]
}

/** A controller of prunings that can also be asked without exploration for any rate. */
export interface CacpController extends Controller {
  /**
   * The channels that the agent keeps at a rate, without noise; the rate need not be one that it was trained for.
   * Error: ARCHLOOM_PRUNING_INFEASIBLE.
   */
  greedy(rate: number): number[]
  readonly agent: ActorCritic
}

/**
 * One conditional agent for all rates of a channelSpace: rates take turns, an episode is one pass over the layers, and
 * every step gets the final reward of its episode. With one rate it is AMC; with `warmUp: { episodes: Infinity }` it
 * is random search under the same constraint. Errors: ARCHLOOM_OPTION, ARCHLOOM_CACP_SPACE.
 */
export function cacpController(given: CacpOptions = {}): (space: SearchSpace, rng: Random) => CacpController {
  const options = declared.read(given)
  return (space, rng) => {
    if (!isChannelSpace(space)) throw error('ARCHLOOM_CACP_SPACE', { received: space.name })
    return new Learner(space, options, rng)
  }
}

class Learner implements CacpController {
  readonly agent: ActorCritic
  readonly #space: ChannelSpace
  readonly #problem: PruningProblem
  readonly #options: ResolvedOptions
  readonly #rows: StateRows
  readonly #replay: Replay
  readonly #rewards: RateRewards
  readonly #sampling: Random
  /** Number of episodes that were proposed and observed. */
  #proposed = 0
  #observed = 0
  /** Number of episodes of each rate that were proposed after the warm-up. */
  #learned: number[]

  constructor(space: ChannelSpace, options: ResolvedOptions, rng: Random) {
    const { hidden, actorLearningRate, criticLearningRate, tau, discount } = options
    this.#space = space
    this.#problem = space.problem
    this.#options = options
    this.#rows = stateRows(space.problem)
    const steps = space.problem.choices.length
    this.#replay = new Replay(steps * options.memory)
    this.#learned = space.rates.map(() => 0)
    this.#rewards = new RateRewards(space.rates.length, { kind: options.reward, ...options.rewardMeans })
    this.#sampling = rng.fork('replay')
    const form = { states: STATE_SIZE, hidden, actorLearningRate, criticLearningRate, tau, discount, baselineRate: 0.5 }
    this.agent = new ActorCritic(form, rng.fork('agent'))
  }

  /** One pass over the choices; the action of each state comes from `choose`. */
  #episode(rate: number, choose: (state: readonly number[]) => number): Episode {
    const actions: number[] = []
    const kept: number[] = []
    for (let t = 0; t < this.#problem.choices.length; t++) {
      const state = this.#rows.state(t, rate, kept, actions.at(-1) ?? 1, this.#options.sight)
      const action = choose(state)
      actions.push(action)
      kept.push(constrainedCount(this.#problem, rate, kept, action))
    }
    return { rate, actions, kept }
  }

  greedy(rate: number): number[] {
    checkRate(this.#problem, rate)
    return [...this.#episode(rate, (state) => this.agent.act(state)).kept]
  }

  propose(rng: Random, given?: { readonly condition?: Readonly<Record<string, number>> }) {
    const { rates } = this.#space
    const { warmUp, exploration } = this.#options
    const asked = given?.condition?.rate
    const rate = asked !== undefined && rates.includes(asked) ? asked : rates[this.#proposed % rates.length]!
    // Warm-up counts from 0 and includes its last number, as in the released code.
    const learned = this.#proposed - warmUp.episodes
    this.#proposed++
    const at = rates.indexOf(rate)
    if (learned > 0) this.#learned[at] = this.#learned[at]! + 1
    const age = exploration.per === 'rate' ? this.#learned[at]! : learned
    const sd = explorationSd(age, exploration.sd, exploration.decay, exploration.floor)
    const { actions, kept } = this.#episode(rate, (state) =>
      learned <= 0 ? rng.float() : truncatedNormal(this.agent.act(state), sd, rng),
    )
    return { genotype: this.#space.encode({ rate, kept }), context: { rate, actions, kept } }
  }

  observe(observations: readonly Observation[]) {
    let diagnostics: Record<string, number> = {}
    for (const { proposal, reward } of observations) {
      const episode = proposal.context as unknown as Episode
      const learns = this.#observed++ > this.#options.warmUp.episodes
      if (reward === undefined || Number.isNaN(reward)) continue
      const credited = this.#rewards.reward(this.#space.rates.indexOf(episode.rate), reward)
      let [criticLoss, targetVariance] = [0, 0]
      for (const transition of this.#transitions(episode, credited)) {
        this.#replay.push(transition)
        if (!learns) continue
        for (let k = 0; k < this.#options.updates; k++) {
          const batch = this.#replay.sample(
            this.#options.batchSize,
            this.#sampling.fork(`${this.#observed}/${this.agent.criticOptimizer.steps}`),
          )
          const update = this.agent.update(batch)
          const share = 1 / (episode.actions.length * this.#options.updates)
          criticLoss += update.criticLoss * share
          targetVariance += update.targetVariance * share
        }
      }
      const mean = episode.actions.reduce((sum, action) => sum + action, 0) / episode.actions.length
      diagnostics = {
        rate: episode.rate,
        reward: credited,
        meanAction: mean,
        episodes: this.#observed,
        ...(learns && { criticLoss, targetVariance, baseline: this.agent.baseline ?? 0 }),
      }
    }
    return diagnostics
  }

  /** Raw actions, as the released code stores them; the next state of the last step is its own. */
  #transitions({ rate, actions, kept }: Episode, reward: number): Transition[] {
    const states = actions.map((_, t) =>
      this.#rows.state(t, rate, kept.slice(0, t), actions[t - 1] ?? 1, this.#options.sight),
    )
    return actions.map((action, t) => ({
      state: states[t] as number[],
      action,
      reward,
      last: t === actions.length - 1,
      next: states[Math.min(t + 1, actions.length - 1)] as number[],
    }))
  }

  [Symbol.dispose](): void {}
}
