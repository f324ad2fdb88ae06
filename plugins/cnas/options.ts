import {
  decayRate,
  type Expectation,
  nonNegativeNumber,
  positiveInteger,
  positiveNumber,
} from '../../core/policy/index.ts'
import {
  type CheckpointOptions,
  type CollapseOptions,
  checkCheckpoint,
  type DisturbanceOptions,
  type SharedSgdOptions,
} from '../../evaluators/weight-sharing/index.ts'
import { error } from './errors.ts'
import type { GrowingOptions } from './growing-space.ts'
import type { PolicyLearnerOptions } from './policy-learner.ts'

export interface CnasOptions extends Partial<GrowingOptions> {
  /** Warm-up epochs of every stage. Default 20. */
  readonly warmUpEpochs?: number
  /** Epochs of every stage after its warm-up. Default 40. */
  readonly epochs?: number
  /** Weight steps of an epoch. Default: one pass over the training split. */
  readonly weightSteps?: number
  /** Policy steps of an epoch, one architecture and one validation batch each. Default: one pass. */
  readonly policySteps?: number
  /** SGD of the shared weights, unless a plugin provides a weight optimizer; and the limit of their gradients' norm. */
  readonly weights?: SharedSgdOptions & { readonly clipNorm?: number }
  /** Controller and its training. */
  readonly controller?: PolicyLearnerOptions
  /** Architectures drawn and measured at the end of a stage; those of the last stage are the search's trials. Default 10. */
  readonly candidates?: number
  /** Where the search's state is kept, and goes on from. */
  readonly checkpoint?: CheckpointOptions
  /** When to measure what weight steps do to earlier architectures; `false`: never. */
  readonly disturbance?: DisturbanceOptions | false
  /** When to warn of a collapsed search; `false`: never. */
  readonly collapse?: CollapseOptions | false
  /** Steps that one progress event stands for. Default 50. */
  readonly reportEvery?: number
}

export type CheckedOptions = CnasOptions &
  Required<Pick<CnasOptions, 'grow' | 'warmUpEpochs' | 'epochs' | 'candidates' | 'reportEvery'>>

const ofController: { readonly [K in keyof Required<PolicyLearnerOptions>]: Expectation } = {
  hidden: positiveInteger,
  temperature: positiveNumber,
  tanhConstant: positiveNumber,
  operationTanhReduce: positiveNumber,
  learningRate: positiveNumber,
  weightDecay: nonNegativeNumber,
  entropyWeight: nonNegativeNumber,
  baselineDecay: decayRate,
  clipNorm: positiveNumber,
}
const ofWeights: { readonly [K in keyof Required<NonNullable<CnasOptions['weights']>>]: Expectation } = {
  learningRate: positiveNumber,
  momentum: decayRate,
  weightDecay: nonNegativeNumber,
  clipNorm: positiveNumber,
}

function checkParts(part: string, given: object = {}, expected: Readonly<Record<string, Expectation>>): void {
  for (const [option, received] of Object.entries(given)) {
    const { holds, words } = expected[option] ?? unknownOption(expected)
    if (received !== undefined && !holds(received))
      throw error('ARCHLOOM_CNAS_OPTION', { option: `${part}.${option}`, received, expected: words })
  }
}
const unknownOption = (known: object): Expectation => ({
  holds: () => false,
  words: `one of the options ${Object.keys(known).join(', ')}`,
})

/** Throws ARCHLOOM_CNAS_OPTION, ARCHLOOM_WEIGHT_SHARING_OPTION. */
export function checkedOptions(given: CnasOptions): CheckedOptions {
  const options = {
    grow: 'operations',
    warmUpEpochs: 20,
    epochs: 40,
    candidates: 10,
    reportEvery: 50,
    ...given,
  } as const
  if (!['operations', 'nodes', 'none'].includes(options.grow))
    throw error('ARCHLOOM_CNAS_OPTION', {
      ...{ option: 'grow', received: options.grow, expected: '"operations", "nodes" or "none"' },
    })
  const least = { warmUpEpochs: 0, epochs: 0, candidates: 1, reportEvery: 1, weightSteps: 1, policySteps: 1 } as const
  for (const [option, smallest] of Object.entries(least) as [keyof typeof least, number][]) {
    const received = options[option]
    if (received !== undefined && !(Number.isInteger(received) && received >= smallest))
      throw error('ARCHLOOM_CNAS_OPTION', { option, received, expected: `a whole number of at least ${smallest}` })
  }
  checkParts('controller', options.controller, ofController)
  checkParts('weights', options.weights, ofWeights)
  checkCheckpoint('cnas', options.checkpoint)
  return options
}
