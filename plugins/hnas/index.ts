/**
 * HNAS: a joint search for the blocks of a super-resolution network and the position of the enlarging one, for quality
 * and cost.
 */
import { declarePlugin, definePlugin, type Plugin, tokens } from '../../core/index.ts'
import { hierarchicalSearch } from './hierarchical-search.ts'
import { declared, type HnasOptions } from './options.ts'
import { paper } from './paper.ts'

const about = declarePlugin({
  name: 'hnas',
  kind: 'one-shot method',
  does: 'Blocks of a super-resolution network and the place of the enlarging one, searched together.',
  provides: ['algorithm'],
  needs: [
    'space',
    { need: 'shared-upscaling', remedy: 'Use sharedUpscaling({ data }) from archloom/plugins/hnas.' },
    'supernet',
  ],
  paper,
  options: declared,
})

/**
 * Hierarchical search on shared weights: `createSearch({ space: superResolutionSpace({ normalised: true, … }), evaluator:
 * sharedUpscaling({ data }), plugins: [hnas({ tradeOff: 0.2 })], objectives: { psnr: 'maximise' }, … })`. The derived
 * architectures are the search's trials. Errors: ARCHLOOM_OPTION; when it runs ARCHLOOM_HNAS_SPACE,
 * ARCHLOOM_CHECKPOINT_OTHER, ARCHLOOM_WEIGHT_SHARING_DIVERGED.
 */
export function hnas(given: HnasOptions = {}): Plugin {
  const options = declared.read(given)
  return definePlugin({
    ...about,
    options,
    panels: [
      {
        kind: 'images',
        title: 'Enlargements',
        about:
          'The first held-out image, enlarged by bicubic interpolation and by each derived network, beside the original.',
        event: 'picture',
      },
    ],
    bind: ({ bind }) => bind(tokens.ALGORITHM).toFactory(hierarchicalSearch(options)),
  })
}

export { type ControllerOptions, type HierarchicalPolicy, hierarchicalPolicy } from './controller.ts'
export { type BlockLevel, type Hierarchy, hierarchyOf } from './hierarchy.ts'
export type { HnasOptions } from './options.ts'
export { type PatchesOf, pairsOnly } from './pairs-only.ts'
export { paper } from './paper.ts'
export { type PolicyLearner, type PolicyLearnerOptions, policyLearner } from './policy-learner.ts'
export {
  type RetrainedUpscaler,
  type RetrainUpscalerOptions,
  retrainUpscaler,
} from './retraining.ts'
export { byteError, COST_SIDE, decibels, jointReward, RELEASED_COST_UNIT, rewardBorder } from './reward.ts'
export {
  type SharedUpscaling,
  type SharedUpscalingOptions,
  sharedUpscaling,
} from './upscaling-evaluator.ts'
