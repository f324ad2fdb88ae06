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
    /** What a stage adds: an operation, a node of the cells, or nothing (a fixed space: one stage). Default 'operations'. */
    grow: among(['operations', 'nodes', 'none'], { default: 'operations' }),
    /** Operations in the order in which they are added; those left out are never used. Default: see `operationOrder`. */
    order: list(text(), { absent: 'drawn; an operation with weights first' }),
    /** Number of stages. Default: until nothing is left to add. */
    stages: whole({ min: 1, absent: 'until nothing is left to add' }),
    /** Training before the policy is trained. */
    warmUp: group({
      /** Warm-up epochs of every stage. Default 20. */
      epochs: whole({ min: 0, default: 20 }),
    }),
    /** Epochs of every stage after its warm-up. Default 40. */
    epochs: whole({ min: 0, default: 40 }),
    /** Weight steps of an epoch. Default: one pass over the training split. */
    weightSteps: whole({ min: 1, absent: 'one pass' }),
    /** Policy steps of an epoch, one architecture and one validation batch each. Default: one pass. */
    policySteps: whole({ min: 1, absent: 'one pass' }),
    ...sharedSgdFields,
    /** Largest global norm of the shared weights' gradients. Default: any. */
    clipNorm: number({ above: 0, infinite: true, default: Number.POSITIVE_INFINITY }),
    /** Controller and its training. */
    controller: group(policyLearnerFields, { renamed: { operationTanhReduce: 'controller.operationTanhReduction' } }),
    /** Architectures drawn and measured at the end of a stage; those of the last stage are the search's trials. Default 10. */
    candidates: whole({ min: 1, default: 10 }),
    /** Where the search's state is kept, and from where it goes on. */
    checkpoint: checkpointOption,
    /** When to measure what weight steps do to earlier architectures; `false`: never. */
    disturbance: disturbanceOption,
    /** When to warn of a collapsed search; `false`: never. */
    collapse: collapseOption,
    /** Steps that one progress event stands for. Default 50. */
    reportEvery: whole({ min: 1, default: 50 }),
  },
  { renamed: oneShotRenamed },
)
export type CnasOptions = OptionsOf<typeof declared>
export type ReadCnasOptions = ReadOptionsOf<typeof declared>

/** Which of them decide a search's course. */
export const deciding: Deciding<ReadCnasOptions> = {
  ...{ grow: true, order: true, stages: true, warmUp: true, epochs: true, weightSteps: true, policySteps: true },
  ...{ learningRate: true, momentum: true, weightDecay: true, clipNorm: true, controller: true, candidates: true },
  ...{ checkpoint: false, disturbance: false, collapse: false, reportEvery: false },
}
