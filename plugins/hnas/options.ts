import type { CollapseOptions } from '../../evaluators/weight-sharing/index.ts'
import { error } from './errors.ts'
import type { PolicyLearnerOptions } from './policy-learner.ts'
import { RELEASED_COST_UNIT } from './reward.ts'

export interface HnasOptions {
  /** λ in R = λ · PSNR − (1 − λ) · cost; the published models have 0.2, 0.6 and 0.9. Default 0.2. */
  readonly tradeOff?: number
  /** Multiply-adds for a small image of 48×48 that count as a cost of 1. Default 2e8, as released. */
  readonly costUnit?: number
  /**
   * Rewards take the PSNR of bicubic enlargement off that of the batch. It is the same for all architectures, so the
   * gradient's mean stays; the luck of the batch goes. Default false, as published.
   */
  readonly aboveBicubic?: boolean
  /** Epochs in which the weights alone are trained, on uniformly drawn architectures. Default 0. */
  readonly warmUpEpochs?: number
  /** Default 400. */
  readonly epochs?: number
  /** Weight steps of an epoch. Default 200. */
  readonly weightSteps?: number
  /** Policy steps of an epoch, one architecture and one held-out batch each. Default 300. */
  readonly policySteps?: number
  /** Adam of the shared weights; the rate falls along a cosine, epoch by epoch, to a hundredth. Default 1e-3. */
  readonly learningRate?: number
  /** Controller and its training. */
  readonly controller?: PolicyLearnerOptions
  /** Architectures drawn in the end and measured on the held-out images: the search's trials. Default 10. */
  readonly candidates?: number
  /** Where the search's state is kept, and goes on from. `everyEpochs`: default 1. */
  readonly checkpoint?: { readonly directory: string; readonly everyEpochs?: number }
  /**
   * Every derived architecture's enlargement of the first held-out image beside bicubic and the truth, as
   * `<folder>/trial-<number>.png`; told in the events (`plugin.event`, name `picture`). Default: none.
   */
  readonly pictures?: { readonly folder: string }
  /** When to warn of a collapsed search; `false`: never. */
  readonly collapse?: CollapseOptions | false
  /** Steps that one progress event stands for. Default 50. */
  readonly reportEvery?: number
}

const defaults = {
  tradeOff: 0.2,
  costUnit: RELEASED_COST_UNIT,
  aboveBicubic: false,
  warmUpEpochs: 0,
  epochs: 400,
  weightSteps: 200,
  policySteps: 300,
  learningRate: 1e-3,
  candidates: 10,
  reportEvery: 50,
} as const satisfies HnasOptions

const others: readonly (keyof HnasOptions)[] = ['controller', 'checkpoint', 'pictures', 'collapse']

export type CheckedOptions = HnasOptions & Required<Pick<HnasOptions, keyof typeof defaults>>

/** Error: ARCHLOOM_HNAS_OPTION. */
export function checkedOptions(given: HnasOptions): CheckedOptions {
  const options: CheckedOptions = { ...defaults, ...given }
  const check = (option: keyof HnasOptions, valid: boolean, expected: string) => {
    if (!valid) throw error('ARCHLOOM_HNAS_OPTION', { where: 'hnas', option, received: options[option], expected })
  }
  // A misspelt option would be a default.
  for (const option of Object.keys(given) as (keyof HnasOptions)[])
    check(
      option,
      option in defaults || others.includes(option),
      `one of ${[...Object.keys(defaults), ...others].join(', ')}`,
    )
  const least = { warmUpEpochs: 0, epochs: 1, weightSteps: 1, policySteps: 1, candidates: 1, reportEvery: 1 } as const
  for (const [option, smallest] of Object.entries(least) as [keyof typeof least, number][])
    check(
      option,
      Number.isInteger(options[option]) && options[option] >= smallest,
      `a whole number of at least ${smallest}`,
    )
  check('tradeOff', options.tradeOff >= 0 && options.tradeOff <= 1, 'a number from 0 (cost only) to 1 (PSNR only)')
  for (const option of ['costUnit', 'learningRate'] as const)
    check(option, options[option] > 0 && options[option] < Number.POSITIVE_INFINITY, 'a positive number')
  return options
}
