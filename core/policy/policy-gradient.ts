import { optionNames } from '../options/index.ts'
import type { Genotype, Json } from '../space/decision.ts'
import { error } from './errors.ts'
import type { Policy } from './policy.ts'
import type { Parameter } from './tape/index.ts'

/** ‖gradient‖₂ over all parameters together. */
export const gradientNorm = (parameters: readonly Parameter[]): number => {
  let squares = 0
  for (const { gradient } of parameters) for (const g of gradient) squares += g * g
  return Math.sqrt(squares)
}

export const clearGradients = (parameters: readonly Parameter[]): void => {
  for (const { gradient } of parameters) gradient.fill(0)
}

/** Scales all gradients together so that their norm is at most `limit`; returns the norm before. */
export function clipGradients(parameters: readonly Parameter[], limit: number): number {
  const norm = gradientNorm(parameters)
  if (norm > limit)
    for (const { gradient } of parameters)
      for (let i = 0; i < gradient.length; i++) gradient[i] = (gradient[i]! * limit) / norm
  return norm
}

export interface PolicyOptimizer {
  /** Set it before a step to follow a schedule. It is not part of a snapshot. */
  learningRate: number
  /** Steps taken, across resumes. */
  readonly steps: number
  /** One descent step along the gradients of a loss, scaled by `scale`. Default: 1. */
  step(scale?: number): void
  snapshot(): Json
  restore(snapshot: Json): void
}

export interface PolicyAdamOptions {
  readonly learningRate: number
  /** β₁, default 0.9. */
  readonly beta1?: number
  /** β₂, default 0.999. */
  readonly beta2?: number
  /** ε, default 1e-8. */
  readonly epsilon?: number
  /** L2 penalty that joins the gradient. Default 0. */
  readonly weightDecay?: number
}

const policyAdamNames = optionNames<PolicyAdamOptions>('policyAdam', {
  learningRate: true,
  beta1: true,
  beta2: true,
  epsilon: true,
  weightDecay: true,
})

/** Adam (Kingma & Ba 2015, algorithm 1) over a policy's parameters. */
export function policyAdam(parameters: readonly Parameter[], options: PolicyAdamOptions): PolicyOptimizer {
  policyAdamNames(options)
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0 } = options
  const first = parameters.map(({ value }) => new Float64Array(value.length))
  const second = parameters.map(({ value }) => new Float64Array(value.length))
  let steps = 0
  const self: PolicyOptimizer = {
    learningRate: options.learningRate,
    get steps() {
      return steps
    },
    step(scale = 1) {
      steps++
      const rate = self.learningRate / (1 - beta1 ** steps)
      const correction = 1 / (1 - beta2 ** steps)
      parameters.forEach(({ value, gradient }, index) => {
        const [m, v] = [first[index] as Float64Array, second[index] as Float64Array]
        for (let i = 0; i < value.length; i++) {
          const g = scale * gradient[i]! + weightDecay * value[i]!
          m[i] = beta1 * m[i]! + (1 - beta1) * g
          v[i] = beta2 * v[i]! + (1 - beta2) * g * g
          value[i] = value[i]! - (rate * m[i]!) / (Math.sqrt(v[i]! * correction) + epsilon)
        }
      })
    },
    snapshot: () => ({ steps, first: first.map((m) => [...m]), second: second.map((v) => [...v]) }),
    restore(snapshot) {
      const state = snapshot as { steps?: unknown; first?: unknown; second?: unknown } | null
      if (typeof state?.steps !== 'number')
        throw error('ARCHLOOM_CONTROLLER_SNAPSHOT', {
          controller: 'Adam',
          received: snapshot,
          expected: 'steps, first and second',
        })
      fill('Adam', first, state.first)
      fill('Adam', second, state.second)
      steps = state.steps
    },
  }
  return self
}

/** Copies arrays of numbers into arrays of the same lengths, or throws ARCHLOOM_CONTROLLER_SNAPSHOT and changes nothing. */
function fill(controller: string, targets: readonly Float64Array[], received: unknown): void {
  const sources = received as readonly (readonly number[])[]
  const fits =
    Array.isArray(received) &&
    received.length === targets.length &&
    targets.every((t, i) => sources[i]?.length === t.length)
  if (!fits)
    throw error('ARCHLOOM_CONTROLLER_SNAPSHOT', {
      controller,
      received,
      expected: `${targets.length} arrays of ${targets.map(({ length }) => length).join(', ')} numbers`,
    })
  targets.forEach((target, i) => {
    target.set(sources[i] as readonly number[])
  })
}

/** The exact values of parameters as plain numbers. */
export const saveParameters = (parameters: readonly Parameter[]): Json => parameters.map(({ value }) => [...value])
export const loadParameters = (parameters: readonly Parameter[], saved: unknown): void =>
  fill(
    'policy',
    parameters.map(({ value }) => value),
    saved,
  )

export interface Episode {
  readonly genotype: Genotype
  readonly advantage: number
}

export interface PolicyGradientOptions {
  /** λ, the weight of the sum of entropies. Default: 0. */
  readonly entropyWeight?: number
  /** Limit of the gradient's norm over all parameters together. Default: none. */
  readonly clipNorm?: number
}

export interface PolicyGradientStep {
  /** −mean(advantage · ln p + λ · entropy). */
  readonly loss: number
  /** Means over the episodes, in nats. */
  readonly entropy: number
  readonly logProbability: number
  /** Before clipping. */
  readonly gradientNorm: number
}

const policyGradientStepNames = optionNames<PolicyGradientOptions>('policyGradientStep', {
  entropyWeight: true,
  clipNorm: true,
})

/**
 * One REINFORCE update (Williams 1992): a descent step on −mean(A · ln p(genotype) + λ · H) over a batch of episodes,
 * with the probabilities of the present policy.
 */
export function policyGradientStep(
  policy: Policy,
  optimizer: Pick<PolicyOptimizer, 'step'>,
  episodes: readonly Episode[],
  given: PolicyGradientOptions = {},
): PolicyGradientStep {
  const { entropyWeight = 0, clipNorm = Number.POSITIVE_INFINITY } = policyGradientStepNames(given)
  clearGradients(policy.parameters)
  const share = 1 / episodes.length
  let [loss, entropy, logProbability] = [0, 0, 0]
  for (const { genotype, advantage } of episodes) {
    const draw = policy.differentiate(genotype, -advantage * share, -entropyWeight * share)
    loss -= share * (advantage * draw.logProbability + entropyWeight * draw.entropy)
    entropy += share * draw.entropy
    logProbability += share * draw.logProbability
  }
  const norm = clipGradients(policy.parameters, clipNorm)
  optimizer.step()
  return { loss, entropy, logProbability, gradientNorm: norm }
}
