import { optionNames } from '../options/index.ts'
import type { Random } from '../random.ts'
import { type Decision, fromUnit, type Genotype, type RealDecision, shareOf, toUnit } from '../space/decision.ts'
import type { SearchSpace } from '../space/space.ts'
import { error } from './errors.ts'
import { categorical, type Parameter, Tape, type Vector } from './tape/index.ts'

/** What a policy chooses among: a search space, or a narrowed view of one (a curriculum's stage). */
export type DecisionProcess = Pick<SearchSpace, 'decisions' | 'allowed' | 'isActive'>

/** A policy's network: logits for the decisions in turn, each of which may depend on the choices before it. */
export interface LogitModel {
  readonly parameters: readonly Parameter[]
  /** Begins an architecture. Without a tape nothing is recorded for gradients. */
  begin(tape: Tape | undefined): {
    /** One logit per option of decision `index`; only those of `allowed` are used. Called for active decisions only. */
    logits(index: number, allowed: readonly number[]): Vector
    /** Receives the option that was chosen. */
    chose(index: number, option: number): void
  }
}

export interface Draw {
  readonly genotype: Genotype
  /**
   * Natural logarithm of the probability of all choices. For a real decision, the probability is that of its interval.
   */
  readonly logProbability: number
  /** Sum over the choices of the entropy of the distribution that each was drawn from, in nats. */
  readonly entropy: number
}

/** A trainable distribution over the genotypes of a space. Owns plain arrays, no tensors. */
export interface Policy {
  readonly parameters: readonly Parameter[]
  sample(rng: Random): Draw
  /**
   * The most probable option of each decision in turn; for a real decision, the middle of its most probable interval.
   */
  mode(): Draw
  /**
   * The probability and entropies of a given genotype. Error: ARCHLOOM_POLICY_GENOTYPE if the policy cannot draw it.
   */
  score(genotype: Genotype): Draw
  /**
   * Adds the gradient of `onLogProbability` · ln p + `onEntropy` · entropy for a genotype to the parameters'
   * gradients.
   */
  differentiate(genotype: Genotype, onLogProbability: number, onEntropy: number): Draw
}

export interface PolicyOptions {
  /**
   * Real decisions are drawn as one of this many equal intervals (on the decision's own scale), then uniformly within
   * it. This allows distributions of any shape and exact entropies. Default: 16.
   */
  readonly intervals?: number
}

/** Number of outputs that a decision needs: its options, or the intervals if it is real. */
export const optionCount = (decision: Decision, intervals: number): number =>
  decision.kind === 'choice' ? decision.options.length : intervals

const intervalOf = (decision: RealDecision, value: number, intervals: number) =>
  Math.min(intervals - 1, Math.max(0, Math.floor(toUnit(decision, value) * intervals)))

/** Added to the logits of a choice on a log scale, so that equal logits draw its logarithm uniformly. */
const priorOf = (decision: Decision): Float64Array | undefined =>
  decision.kind === 'choice' && decision.scale === 'log'
    ? Float64Array.from(decision.options, (_, i) => Math.log(shareOf(decision, i) * decision.options.length))
    : undefined

const withPrior = (logits: Vector, prior: Float64Array | undefined): Vector =>
  prior ? { value: logits.value.map((logit, i) => logit + prior[i]!), gradient: logits.gradient } : logits

const policyOverNames = optionNames<PolicyOptions>('policyOver', { intervals: true })

/**
 * Makes a policy from a network of logits. It masks options that the process does not allow and skips inactive
 * decisions.
 */
export function policyOver(process: DecisionProcess, model: LogitModel, options: PolicyOptions = {}): Policy {
  policyOverNames(options)
  const { intervals = 16 } = options
  const { decisions } = process
  const priors = decisions.map(priorOf)
  const everyInterval = Array.from({ length: intervals }, (_, i) => i)

  /** Option of each active decision in turn, and the value that goes into the genotype. */
  interface Choice {
    option(probabilities: Float64Array, index: number): number
    /** Position within the interval, in [0, 1). */
    within(index: number): number
  }

  function walk(tape: Tape | undefined, choice: Choice, onLogProbability = 0, onEntropy = 0): Draw {
    const run = model.begin(tape)
    const genotype: number[] = []
    let logProbability = 0
    let entropy = 0
    for (let index = 0; index < decisions.length; index++) {
      if (!process.isActive(genotype, index)) {
        genotype.push(0)
        continue
      }
      const decision = decisions[index] as Decision
      const allowed = process.allowed(genotype) ?? everyInterval
      const logits = withPrior(run.logits(index, allowed), priors[index])
      const distribution = categorical(logits, allowed)
      const option = choice.option(distribution.probabilities, index)
      const term = distribution.logProbabilities[option] ?? Number.NEGATIVE_INFINITY
      if (term === Number.NEGATIVE_INFINITY)
        throw error('ARCHLOOM_POLICY_GENOTYPE', { decision: decision.name, received: option, allowed })
      logProbability += term
      entropy += distribution.entropy
      tape?.record(() => distribution.back(option, onLogProbability, onEntropy))
      run.chose(index, option)
      genotype.push(
        decision.kind === 'choice' ? option : fromUnit(decision, (option + choice.within(index)) / intervals),
      )
    }
    return { genotype, logProbability, entropy }
  }

  const along = (genotype: Genotype): Choice => ({
    option(_, index) {
      const decision = decisions[index] as Decision
      const value = genotype[index] as number
      return decision.kind === 'choice' ? value : intervalOf(decision, value, intervals)
    },
    within: () => 0.5,
  })

  return {
    parameters: model.parameters,
    sample: (rng) =>
      walk(undefined, { option: (probabilities) => rng.weighted(probabilities), within: () => rng.float() }),
    mode: () => walk(undefined, { option: (p) => p.indexOf(Math.max(...p)), within: () => 0.5 }),
    score: (genotype) => ({ ...walk(undefined, along(genotype)), genotype }),
    differentiate(genotype, onLogProbability, onEntropy) {
      const tape = new Tape()
      const draw = walk(tape, along(genotype), onLogProbability, onEntropy)
      tape.backward()
      return { ...draw, genotype }
    },
  }
}
