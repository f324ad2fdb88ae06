/** CNAS: weight-sharing search through a space that grows by one operation (or node) at a time. */
import { definePlugin, type Plugin, tokens } from '../../core/index.ts'
import { oneShotNeeds } from '../../evaluators/weight-sharing/index.ts'
import { curriculumSearch } from './curriculum-search.ts'
import { type CnasOptions, declared } from './options.ts'
import { paper } from './paper.ts'

/**
 * Curriculum search on shared weights: `createSearch({ space: cellSpace(), evaluator: weightSharing({ data }), plugins:
 * [cnas()], … })`. The derived architectures are the search's trials. Uses the weight optimizer that another plugin
 * provides, where there is one. Errors: ARCHLOOM_OPTION; when it runs ARCHLOOM_CNAS_SPACE,
 * ARCHLOOM_CNAS_CURRICULUM, ARCHLOOM_CHECKPOINT_OTHER, ARCHLOOM_WEIGHT_SHARING_DIVERGED.
 */
export function cnas(given: CnasOptions = {}): Plugin {
  const options = declared.read(given)
  return definePlugin({
    name: 'cnas',
    provides: ['algorithm'],
    needs: oneShotNeeds,
    paper,
    options,
    bind: ({ bind }) => bind(tokens.ALGORITHM).toFactory(curriculumSearch(options)),
  })
}

export { type CellDecision, cellDecisionsOf } from './cell-decisions.ts'
export { activeRows, addDecay, type ControllerOptions, cnasController, controllerLayout } from './controller.ts'
export { curriculumSearch } from './curriculum-search.ts'
export {
  type Grow,
  type GrowingOptions,
  type GrowingSpace,
  growingSpace,
  operationOrder,
  releasedOrder,
} from './growing-space.ts'
export type { CnasOptions } from './options.ts'
export { paper } from './paper.ts'
export { type PolicyLearner, type PolicyLearnerOptions, policyLearner } from './policy-learner.ts'
