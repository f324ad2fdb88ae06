/**
 * What the agent is rewarded with. Accuracies of different rates lie on different scales; a shared critic and baseline
 * need them comparable: `difference` subtracts each rate's own moving mean, `ratio` divides by it, `accuracy` does
 * nothing.
 */
export type RewardKind = 'accuracy' | 'difference' | 'ratio'

export interface RewardOptions {
  readonly kind: RewardKind
  /** Share of a rate's mean that is kept at each of its episodes. Default 0.95. */
  readonly decay?: number
}

/** Rewards with one moving mean a rate, begun at the first accuracy. */
export class RateRewards {
  readonly #kind: RewardKind
  readonly #decay: number
  /** Moving mean accuracy of each rate, once it had one. */
  means: (number | null)[]

  constructor(rates: number, { kind, decay = 0.95 }: RewardOptions) {
    this.#kind = kind
    this.#decay = decay
    this.means = Array<number | null>(rates).fill(null)
  }

  /** Compared with the mean before this episode, which then moves. */
  reward(rate: number, accuracy: number): number {
    const mean = this.means[rate] ?? accuracy
    this.means[rate] = this.#decay * mean + (1 - this.#decay) * accuracy
    if (this.#kind === 'difference') return accuracy - mean
    return this.#kind === 'ratio' ? accuracy / Math.max(mean, 1e-6) : accuracy
  }
}
