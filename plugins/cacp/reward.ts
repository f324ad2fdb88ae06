/**
 * The reward of the agent. Accuracies of different rates have different scales, but a shared critic and baseline need
 * comparable rewards. `difference` subtracts the moving mean of each rate, `ratio` divides by it, `accuracy` leaves it
 * unchanged.
 */
export type RewardKind = 'accuracy' | 'difference' | 'ratio'

export interface RewardOptions {
  readonly kind: RewardKind
  /** Share of the old value in a rate's moving mean. Default: 0.95; the released code uses 0.999. */
  readonly decay?: number
  /** Initial means, one per rate, in [0, 1]. Default: the first accuracy of each rate. */
  readonly start?: readonly number[]
}

/** Rewards with one moving mean per rate. */
export class RateRewards {
  readonly #kind: RewardKind
  readonly #decay: number
  /** Moving mean accuracy of each rate; null before its first episode. */
  means: (number | null)[]

  constructor(rates: number, { kind, decay = 0.95, start }: RewardOptions) {
    this.#kind = kind
    this.#decay = decay
    this.means = Array.from({ length: rates }, (_, rate) => start?.[rate] ?? null)
  }

  /** The reward of an episode, relative to the mean before it. The mean is then updated. */
  reward(rate: number, accuracy: number): number {
    const mean = this.means[rate] ?? accuracy
    this.means[rate] = this.#decay * mean + (1 - this.#decay) * accuracy
    if (this.#kind === 'difference') return accuracy - mean
    return this.#kind === 'ratio' ? accuracy / Math.max(mean, 1e-6) : accuracy
  }
}
