import { error } from './errors.ts'
import type { RewardKind } from './reward.ts'
import type { Sight } from './state.ts'

export interface CacpOptions {
  /** Episodes whose actions are uniform, at the start. Default 100. */
  readonly warmUp?: number
  /** Units of each hidden layer of actor and critic. Default 300. */
  readonly hidden?: number
  readonly actorRate?: number
  readonly criticRate?: number
  /** τ: how far the targets follow at each step. Default 0.01. */
  readonly tau?: number
  /** γ. Default 1. */
  readonly discount?: number
  /** Transitions in one update. Default 64. */
  readonly batchSize?: number
  /** Episodes that the replay holds. Default 100. */
  readonly memory?: number
  /** Standard deviation of the exploration, and what it is multiplied with at each learned episode. */
  readonly exploration?: { readonly sd?: number; readonly decay?: number }
  /** Default 'accuracy'. */
  readonly reward?: RewardKind
  /** 'blind' hides the rate from the agent: the ablation. Default 'rate'. */
  readonly sight?: Sight
}

export type ResolvedOptions = Required<Omit<CacpOptions, 'exploration'>> & {
  readonly exploration: { readonly sd: number; readonly decay: number }
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
  tau: share,
  discount: share,
  batchSize: whole,
  memory: whole,
  sd: { holds: (x) => x >= 0 && x <= 10, words: 'a number from 0 to 10' },
  decay: share,
}

/** Defaults are those of the paper's released code and of AMC. Error: ARCHLOOM_CACP_OPTION. */
export function resolved(given: CacpOptions = {}): ResolvedOptions {
  const options = {
    ...{
      warmUp: 100,
      hidden: 300,
      actorRate: 1e-4,
      criticRate: 1e-3,
      tau: 0.01,
      discount: 1,
      batchSize: 64,
      memory: 100,
    },
    reward: 'accuracy' as RewardKind,
    sight: 'rate' as Sight,
    ...given,
    exploration: { sd: 0.5, decay: 0.95, ...given.exploration },
  }
  const numbers: Record<string, unknown> = { ...options, ...options.exploration }
  for (const [option, { holds, words }] of Object.entries(expectations)) {
    const received = numbers[option]
    if (typeof received !== 'number' || !holds(received))
      throw error('ARCHLOOM_CACP_OPTION', { option, received, expected: words })
  }
  const among = (option: 'reward' | 'sight', ...values: readonly string[]) => {
    if (!values.includes(options[option]))
      throw error('ARCHLOOM_CACP_OPTION', { option, received: options[option], expected: values.join(' or ') })
  }
  among('reward', 'accuracy', 'difference', 'ratio')
  among('sight', 'rate', 'blind')
  return options
}
