import {
  flag,
  group,
  number,
  type OptionsOf,
  options,
  type ReadOptionsOf,
  required,
  text,
  whole,
} from '../../core/options/index.ts'
import {
  checkpointOption,
  collapseOption,
  type Deciding,
  oneShotRenamed,
} from '../../evaluators/weight-sharing/index.ts'
import { policyLearnerFields } from './policy-learner.ts'
import { RELEASED_COST_UNIT } from './reward.ts'

export const declared = options(
  'hnas',
  {
    /** λ in R = λ · PSNR − (1 − λ) · cost; the published models have 0.2, 0.6 and 0.9. Default 0.2. */
    tradeOff: number({ min: 0, max: 1, default: 0.2 }),
    /** Multiply-adds for a small image of 48×48 that count as a cost of 1. Default 2e8, as released. */
    costUnit: number({ above: 0, default: RELEASED_COST_UNIT }),
    /**
     * Rewards take the PSNR of bicubic enlargement off that of the batch. It is the same for all architectures, so the
     * gradient's mean stays; the luck of the batch goes. Default false, as published.
     */
    aboveBicubic: flag({ default: false }),
    /** Training before the policy is trained. */
    warmUp: group({
      /** Epochs in which the weights alone are trained, on uniformly drawn architectures. Default 0. */
      epochs: whole({ min: 0, default: 0 }),
    }),
    /** Epochs after the warm-up. Default 400. */
    epochs: whole({ min: 1, default: 400 }),
    /** Weight steps of an epoch. Default 200. */
    weightSteps: whole({ min: 1, default: 200 }),
    /** Policy steps of an epoch, one architecture and one held-out batch each. Default 300. */
    policySteps: whole({ min: 1, default: 300 }),
    /** Of the shared weights' Adam; it falls along a cosine, epoch by epoch, to a hundredth. Default 1e-3. */
    learningRate: number({ above: 0, default: 1e-3 }),
    /** Controller and its training. */
    controller: group(policyLearnerFields),
    /** Architectures drawn in the end and measured on the held-out images: the search's trials. Default 10. */
    candidates: whole({ min: 1, default: 10 }),
    /** Where the search's state is kept, and from where it goes on. */
    checkpoint: checkpointOption,
    /**
     * Every derived architecture's enlargement of the first held-out image beside bicubic and the truth, as
     * `<folder>/trial-<number>.png`; told in the events (`plugin.event`, name `picture`). Default: none.
     */
    images: group(
      {
        /** The folder that they are written into. */
        folder: required(text()),
      },
      { optional: true, absent: 'none are written' },
    ),
    /** When to warn of a collapsed search; `false`: never. */
    collapse: collapseOption,
    /** Steps that one progress event stands for. Default 50. */
    reportEvery: whole({ min: 1, default: 50 }),
  },
  { renamed: { ...oneShotRenamed, pictures: 'images', gallery: 'images' } },
)
export type HnasOptions = OptionsOf<typeof declared>
export type ReadHnasOptions = ReadOptionsOf<typeof declared>

/** Which of them decide a search's course. */
export const deciding: Deciding<ReadHnasOptions> = {
  ...{ tradeOff: true, costUnit: true, aboveBicubic: true, warmUp: true, epochs: true, weightSteps: true },
  ...{ policySteps: true, learningRate: true, controller: true, candidates: true },
  ...{ checkpoint: false, images: false, collapse: false, reportEvery: false },
}
