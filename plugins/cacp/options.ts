import { optionError } from '../../core/options/index.ts'
import type { RewardKind, RewardOptions } from './reward.ts'
import type { Sight } from './state.ts'

export interface CacpOptions {
  /** Episodes whose actions are uniform, at the start. Default 100. */
  readonly warmUp?: number
  /** Units of each hidden layer of actor and critic. Default 300. */
  readonly hidden?: number
  /**
   * Adam's learning rate of the actor. Default 1e-3. The published code has 1e-4 for 800 episodes of 27 choices, 21,600
   * updates; in a search of hundreds of updates an actor of that rate stays where it began.
   */
  readonly actorRate?: number
  /** Adam's learning rate of the critic. Default 1e-3. */
  readonly criticRate?: number
  /** Updates of actor and critic after each transition. Default 1. */
  readonly updates?: number
  /** τ: how far the targets follow at each step. Default 0.01. */
  readonly tau?: number
  /** γ. Default 1. */
  readonly discount?: number
  /** Transitions in one update. Default 64. */
  readonly batchSize?: number
  /** Episodes that the replay holds. Default 100. */
  readonly memory?: number
  /** The noise of actions, a truncated normal. */
  readonly exploration?: {
    /** Standard deviation at the end of the warm-up. Default 0.5. */
    readonly sd?: number
    /** What it is multiplied with at each learned episode. Default 0.95. */
    readonly decay?: number
    /** Smallest standard deviation, so that a rate that is learnt late is still explored. Default 0.05; 0 as published. */
    readonly floor?: number
    /** Whether the noise decays with all episodes ('search', default, as published) or with those of the same 'rate'. */
    readonly per?: 'search' | 'rate'
  }
  /** Default 'accuracy'. The journal's code has 'difference' with `rewardMeans: { decay: 0.999, start: [0.614, 0.85, 0.9] }`. */
  readonly reward?: RewardKind
  /** Of the moving mean accuracy of each rate, for 'difference' and 'ratio'. */
  readonly rewardMeans?: Omit<RewardOptions, 'kind'>
  /** 'blind' hides the rate from the agent: the ablation. Default 'rate'. */
  readonly sight?: Sight
}

export type ResolvedOptions = Required<Omit<CacpOptions, 'exploration'>> & {
  readonly exploration: Required<NonNullable<CacpOptions['exploration']>>
}

const whole = { holds: (x: number) => Number.isInteger(x) && x > 0, words: 'a positive whole number' }
const positive = { holds: (x: number) => x > 0 && x < Number.POSITIVE_INFINITY, words: 'a positive number' }
const share = { holds: (x: number) => x > 0 && x <= 1, words: 'a number in (0, 1]' }
const expectations: Readonly<Record<string, { holds: (x: number) => boolean; words: string }>> = {
  warmUp: {
    holds: (x) => x === Number.POSITIVE_INFINITY || (Number.isInteger(x) && x >= 0),
    words: 'a whole number ≥ 0',
  },
  hidden: whole,
  actorRate: positive,
  criticRate: positive,
  updates: whole,
  tau: share,
  discount: share,
  batchSize: whole,
  memory: whole,
  sd: { holds: (x) => x >= 0 && x <= 10, words: 'a number from 0 to 10' },
  floor: { holds: (x) => x >= 0 && x <= 10, words: 'a number from 0 to 10' },
  decay: share,
}

/** Defaults are those of the paper's released code and of AMC but for actorRate and exploration.floor. Error: ARCHLOOM_OPTION. */
export function resolved(given: CacpOptions = {}): ResolvedOptions {
  const options = {
    ...{
      warmUp: 100,
      hidden: 300,
      actorRate: 1e-3,
      criticRate: 1e-3,
      updates: 1,
      tau: 0.01,
      discount: 1,
      batchSize: 64,
      memory: 100,
    },
    reward: 'accuracy' as RewardKind,
    sight: 'rate' as Sight,
    ...given,
    rewardMeans: { decay: 0.95, ...given.rewardMeans },
    exploration: { sd: 0.5, decay: 0.95, floor: 0.05, per: 'search' as const, ...given.exploration },
  }
  const numbers: Record<string, unknown> = { ...options, ...options.exploration }
  for (const [option, { holds, words }] of Object.entries(expectations)) {
    const received = numbers[option]
    if (typeof received !== 'number' || !holds(received)) throw optionError('cacp', option, received, words)
  }
  const among = (option: string, received: string, ...values: readonly string[]) => {
    if (!values.includes(received)) throw optionError('cacp', option, received, values.join(' or '))
  }
  among('reward', options.reward, 'accuracy', 'difference', 'ratio')
  among('sight', options.sight, 'rate', 'blind')
  among('exploration.per', options.exploration.per, 'search', 'rate')
  const { decay, start } = options.rewardMeans
  if (!(decay >= 0 && decay < 1)) throw optionError('cacp', 'rewardMeans.decay', decay, 'a number in [0, 1)')
  if (start && !start.every((mean) => mean >= 0 && mean <= 1))
    throw optionError('cacp', 'rewardMeans.start', start, 'one accuracy in [0, 1] per rate')
  return options
}
