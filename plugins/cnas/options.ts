import {
  among,
  group,
  list,
  number,
  type OptionsOf,
  options,
  type ReadOptionsOf,
  text,
  whole,
} from '../../core/options/index.ts'
import {
  checkpointOption,
  collapseOption,
  type Deciding,
  disturbanceOption,
  oneShotRenamed,
  sharedSgdFields,
} from '../../evaluators/weight-sharing/index.ts'
import { policyLearnerFields } from './policy-learner.ts'

export const declared = options(
  'cnas',
  {
    grow: among(['operations', 'nodes', 'none'], {
      default: 'operations',
      doc: 'What a stage adds: an operation, a node of the cells, or nothing (a fixed space: one stage).',
    }),
    order: list(text(), {
      absent: 'drawn; an operation with weights first',
      doc: 'Operations in the order in which they are added; those left out are never used.',
    }),
    stages: whole({ min: 1, absent: 'until nothing is left to add', doc: 'Number of stages.' }),
    warmUp: group(
      {
        epochs: whole({ min: 0, default: 20, doc: 'Warm-up epochs of every stage.' }),
      },
      { doc: 'Training before the policy is trained.' },
    ),
    epochs: whole({ min: 0, default: 40, doc: 'Epochs of every stage after its warm-up.' }),
    weightSteps: whole({ min: 1, absent: 'one pass', doc: 'Weight steps of an epoch.' }),
    policySteps: whole({
      min: 1,
      absent: 'one pass',
      doc: 'Policy steps of an epoch, one architecture and one validation batch each.',
    }),
    ...sharedSgdFields,
    clipNorm: number({
      above: 0,
      infinite: true,
      default: Number.POSITIVE_INFINITY,
      doc: "Largest global norm of the shared weights' gradients.",
    }),
    controller: group(policyLearnerFields, {
      renamed: { operationTanhReduce: 'controller.operationTanhReduction' },
      doc: 'Controller and its training.',
    }),
    candidates: whole({
      min: 1,
      default: 10,
      doc: "Architectures drawn and measured at the end of a stage; those of the last stage are the search's trials.",
    }),
    /** Where the search's state is kept, and from where it goes on. */
    checkpoint: checkpointOption,
    /** When to measure what weight steps do to earlier architectures; `false`: never. */
    disturbance: disturbanceOption,
    /** When to warn of a collapsed search; `false`: never. */
    collapse: collapseOption,
    reportEvery: whole({ min: 1, default: 50, doc: 'Steps that one progress event stands for.' }),
  },
  { renamed: oneShotRenamed },
)
export type CnasOptions = OptionsOf<typeof declared>
export type ReadCnasOptions = ReadOptionsOf<typeof declared>

/** Which of them decide a search's course. */
export const deciding: Deciding<ReadCnasOptions> = {
  grow: true,
  order: true,
  stages: true,
  warmUp: true,
  epochs: true,
  weightSteps: true,
  policySteps: true,
  learningRate: true,
  momentum: true,
  weightDecay: true,
  clipNorm: true,
  controller: true,
  candidates: true,
  checkpoint: false,
  disturbance: false,
  collapse: false,
  reportEvery: false,
}
