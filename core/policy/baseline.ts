import type { Json } from '../space/decision.ts'

/** The value that rewards are compared with. */
export interface Baseline {
  /** Undefined before the first reward, and if there is no baseline. */
  readonly value: number | undefined
  /** Updates the baseline with the reward, and returns the advantage. */
  advantage(reward: number): number
  /** The advantage of a reward, without updating the baseline. */
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
 * Divides advantages by their own moving root mean square and clips them at ± limit. The learning rate of a policy and
 * the weight of its entropy then have the same effect whether rewards are shares, percentages or decibels, and one
 * broken architecture does not outweigh the others.
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
      // With a moving average the first advantage is always 0, so it is no estimate of the spread.
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
