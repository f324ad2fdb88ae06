/**
 * What the agent is rewarded with. Accuracies of different rates lie on different scales; a shared critic and baseline
 * need them comparable: `difference` subtracts each rate's own moving mean, `ratio` divides by it, `accuracy` does
 * nothing.
 */
export type RewardKind = 'accuracy' | 'difference' | 'ratio'

export interface RewardOptions {
  readonly kind: RewardKind
  /** Share of a rate's mean that is kept at each of its episodes. Default 0.95; 0.999 in the released code. */
  readonly decay?: number
  /** Means to begin with, one per rate, in [0, 1]. Default: the first accuracy of each rate. */
  readonly start?: readonly number[]
}

/** Rewards with one moving mean per rate. */
export class RateRewards {
  readonly #kind: RewardKind
  readonly #decay: number
  /** Moving mean accuracy of each rate, once it had one. */
  means: (number | null)[]

  constructor(rates: number, { kind, decay = 0.95, start }: RewardOptions) {
    this.#kind = kind
    this.#decay = decay
    this.means = Array.from({ length: rates }, (_, rate) => start?.[rate] ?? null)
  }

  /** Compared with the mean before this episode, which then moves. */
  reward(rate: number, accuracy: number): number {
    const mean = this.means[rate] ?? accuracy
    this.means[rate] = this.#decay * mean + (1 - this.#decay) * accuracy
    if (this.#kind === 'difference') return accuracy - mean
    return this.#kind === 'ratio' ? accuracy / Math.max(mean, 1e-6) : accuracy
  }
}
