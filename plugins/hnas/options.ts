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
    tradeOff: number({
      min: 0,
      max: 1,
      default: 0.2,
      doc: 'λ in R = λ · PSNR − (1 − λ) · cost; the published models have 0.2, 0.6 and 0.9.',
    }),
    costUnit: number({
      above: 0,
      default: RELEASED_COST_UNIT,
      doc: 'Multiply-adds for a small image of 48×48 that count as a cost of 1.',
    }),
    aboveBicubic: flag({
      default: false,
      doc: "Rewards take the PSNR of bicubic enlargement off that of the batch. It is the same for all architectures, so the gradient's mean stays; the luck of the batch goes.",
    }),
    warmUp: group(
      {
        epochs: whole({
          min: 0,
          default: 0,
          doc: 'Epochs in which the weights alone are trained, on uniformly drawn architectures.',
        }),
      },
      { doc: 'Training before the policy is trained.' },
    ),
    epochs: whole({ min: 1, default: 400, doc: 'Epochs after the warm-up.' }),
    weightSteps: whole({ min: 1, default: 200, doc: 'Weight steps of an epoch.' }),
    policySteps: whole({
      min: 1,
      default: 300,
      doc: 'Policy steps of an epoch, one architecture and one held-out batch each.',
    }),
    learningRate: number({
      above: 0,
      default: 1e-3,
      doc: "Learning rate of the shared weights' Adam; it falls along a cosine, epoch by epoch, to a hundredth.",
    }),
    controller: group(policyLearnerFields, { doc: 'Controller and its training.' }),
    candidates: whole({
      min: 1,
      default: 10,
      doc: "Architectures drawn in the end and measured on the held-out images: the search's trials.",
    }),
    /** Where the search's state is kept, and from where it goes on. */
    checkpoint: checkpointOption,
    images: group(
      {
        directory: required(
          text({ doc: 'Folder in which the PNG files are written. It is created if it does not exist.' }),
        ),
      },
      {
        optional: true,
        absent: 'none are written',
        doc: "Every derived architecture's enlargement of the first held-out image beside bicubic and the truth, as `<directory>/trial-<number>.png`. The event `plugin.event` with the name `picture` names the file.",
      },
    ),
    /** When to warn of a collapsed search; `false`: never. */
    collapse: collapseOption,
    reportEvery: whole({ min: 1, default: 50, doc: 'Steps that one progress event stands for.' }),
  },
  { renamed: { ...oneShotRenamed, pictures: 'images', gallery: 'images' } },
)
export type HnasOptions = OptionsOf<typeof declared>
export type ReadHnasOptions = ReadOptionsOf<typeof declared>

/** Which of them decide a search's course. */
export const deciding: Deciding<ReadHnasOptions> = {
  tradeOff: true,
  costUnit: true,
  aboveBicubic: true,
  warmUp: true,
  epochs: true,
  weightSteps: true,
  policySteps: true,
  learningRate: true,
  controller: true,
  candidates: true,
  checkpoint: false,
  images: false,
  collapse: false,
  reportEvery: false,
}
