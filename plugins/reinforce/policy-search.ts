import type { Controller, ControllerFactory, Json } from '../../core/index.ts'
import {
  among,
  categoricalPolicy,
  checkOptions,
  decayRate,
  type Episode,
  layoutOf,
  loadParameters,
  lstmPolicy,
  movingAverage,
  noBaseline,
  nonNegativeNumber,
  policyAdam,
  policyGradientStep,
  positiveInteger,
  positiveNumber,
  restored,
  saveParameters,
  standardised,
} from '../../core/policy/index.ts'

export interface ReinforceOptions {
  /** 'lstm': each choice depends on those before it. 'categorical': independent choices, learns quicker. Default 'lstm'. */
  readonly policy?: 'lstm' | 'categorical'
  /** Size of embeddings and state of the LSTM. Default 32. */
  readonly hidden?: number
  /** Whether decisions with equal options share embeddings and outputs. Default false. */
  readonly share?: boolean
  /** Of Adam. Default 0.01 for the LSTM, 0.1 for independent choices. */
  readonly learningRate?: number
  /** λ: weight of the policy's entropy (nats) beside the advantage. Default 0.1. */
  readonly entropyWeight?: number
  /** Share of the old value in the moving-average baseline; null: no baseline. Default 0.9. */
  readonly baselineDecay?: number | null
  /**
   * Divide advantages by their moving root mean square and cut them at ± 2, so that the other options do not depend on
   * the unit of the reward. Default true.
   */
  readonly standardise?: boolean
  /** Observations an update. Default 1. */
  readonly batch?: number
  /** Limit of the gradient's norm. Default 5. */
  readonly clipNorm?: number
}

/** In standardised units. */
const ADVANTAGE_LIMIT = 2

/**
 * REINFORCE (Williams 1992) with a recurrent policy (Zoph & Le 2017): draws architectures from a trained distribution
 * and raises the probability of those whose reward exceeds a moving average. A failed trial counts as the worst
 * reward seen so far and leaves the average alone; before any reward it teaches nothing.
 */
export function policySearch(given: ReinforceOptions = {}): ControllerFactory {
  const options = {
    policy: 'lstm',
    hidden: 32,
    share: false,
    learningRate: given.policy === 'categorical' ? 0.1 : 0.01,
    entropyWeight: 0.1,
    baselineDecay: 0.9,
    standardise: true,
    batch: 1,
    clipNorm: 5,
    ...given,
  } as const
  checkOptions('reinforce', options, {
    policy: among('lstm', 'categorical'),
    hidden: positiveInteger,
    learningRate: positiveNumber,
    entropyWeight: nonNegativeNumber,
    batch: positiveInteger,
    clipNorm: positiveNumber,
    ...(options.baselineDecay !== null && { baselineDecay: decayRate }),
  })

  return (space, rng): Controller => {
    const { hidden, share, entropyWeight, clipNorm, batch } = options
    const policy =
      options.policy === 'categorical'
        ? categoricalPolicy(space)
        : lstmPolicy(space, rng.fork('policy'), { hidden, layout: layoutOf(space.decisions, { share }) })
    const optimizer = policyAdam(policy.parameters, { learningRate: options.learningRate })
    const { baselineDecay } = options
    const plain = baselineDecay === null ? noBaseline() : movingAverage(baselineDecay)
    const baseline = options.standardise ? standardised(plain, baselineDecay ?? 0.9, ADVANTAGE_LIMIT) : plain
    let episodes: Episode[] = []
    let worst: number | undefined

    return {
      propose(own) {
        const { genotype, logProbability } = policy.sample(own)
        return { genotype, logProbability }
      },
      observe(observations) {
        const diagnostics: Record<string, number> = {}
        for (const { proposal, reward } of observations) {
          if (reward === undefined && worst === undefined) continue
          worst = Math.min(worst ?? Number.POSITIVE_INFINITY, reward ?? Number.POSITIVE_INFINITY)
          const advantage = reward === undefined ? baseline.compare(worst) : baseline.advantage(reward)
          episodes.push({ genotype: proposal.genotype, advantage })
          if (episodes.length < batch) continue
          const { loss, entropy, gradientNorm } = policyGradientStep(policy, optimizer, episodes, {
            entropyWeight,
            clipNorm,
          })
          episodes = []
          Object.assign(diagnostics, { loss, entropy, gradientNorm })
        }
        return { ...diagnostics, ...(baseline.value !== undefined && { baseline: baseline.value }) }
      },
      snapshot: () => ({
        policy: saveParameters(policy.parameters),
        optimizer: optimizer.snapshot(),
        baseline: baseline.snapshot(),
        worst: worst ?? null,
        episodes: [...episodes] as unknown as Json,
      }),
      restore(snapshot) {
        const state = restored('reinforce', snapshot, {
          policy: 'array',
          optimizer: 'object',
          baseline: 'any',
          worst: 'any',
          episodes: 'array',
        })
        loadParameters(policy.parameters, state.policy)
        optimizer.restore(state.optimizer as Json)
        baseline.restore(state.baseline as Json)
        worst = state.worst === null ? undefined : (state.worst as number)
        episodes = [...(state.episodes as readonly Episode[])]
      },
      [Symbol.dispose]: () => {},
    }
  }
}
