import type { Json } from '../space/decision.ts'

/** What a reward is compared with. */
export interface Baseline {
  /** Absent before the first reward, and where there is none. */
  readonly value: number | undefined
  /** Takes the reward in, and returns how much better it is. */
  advantage(reward: number): number
  /** How much better a reward would be; takes nothing in. */
  compare(reward: number): number
  snapshot(): Json
  restore(snapshot: Json): void
}

/**
 * b ← decay · b + (1 − decay) · reward, begun at the first reward and updated before it is subtracted, as in ENAS
 * and its successors: the advantage is decay · (reward − b), and 0 for the first reward.
 */
export function movingAverage(decay: number): Baseline {
  let value: number | undefined
  return {
    get value() {
      return value
    },
    advantage(reward) {
      value = value === undefined ? reward : decay * value + (1 - decay) * reward
      return reward - value
    },
    compare: (reward) => reward - (value ?? reward),
    snapshot: () => value ?? null,
    restore: (snapshot) => {
      value = typeof snapshot === 'number' ? snapshot : undefined
    },
  }
}

/** No baseline: the advantage is the reward. */
export const noBaseline = (): Baseline => ({
  value: undefined,
  advantage: (reward) => reward,
  compare: (reward) => reward,
  snapshot: () => null,
  restore: () => {},
})

/**
 * Advantages in units of their own moving root mean square, cut at ± limit: the step of a policy, and the weight of
 * its entropy, then mean the same whether rewards are shares, percentages or decibels, and one broken architecture
 * does not outweigh the rest.
 */
export function standardised(baseline: Baseline, decay: number, limit: number): Baseline {
  let square = 0
  let count = 0
  const scaled = (advantage: number) => {
    const spread = Math.sqrt(square / (1 - decay ** count))
    return advantage === 0 || !(spread > 0) ? 0 : Math.min(limit, Math.max(-limit, advantage / spread))
  }
  return {
    get value() {
      return baseline.value
    },
    advantage(reward) {
      const advantage = baseline.advantage(reward)
      // The first reward of a moving average has advantage 0: it says nothing about the spread.
      if (advantage !== 0 || count > 0) {
        square = decay * square + (1 - decay) * advantage ** 2
        count++
      }
      return scaled(advantage)
    },
    compare: (reward) => scaled(baseline.compare(reward)),
    snapshot: () => ({ baseline: baseline.snapshot(), square, count }),
    restore(snapshot) {
      const state = snapshot as { baseline: Json; square: number; count: number }
      baseline.restore(state.baseline)
      square = state.square
      count = state.count
    },
  }
}
