/** CNAS: search with shared weights in a space that grows by one operation (or node) at a time. */
import { declarePlugin, definePlugin, type Plugin, tokens } from '../../core/index.ts'
import { oneShotNeeds } from '../../evaluators/weight-sharing/index.ts'
import { curriculumSearch } from './curriculum-search.ts'
import { type CnasOptions, declared } from './options.ts'
import { paper } from './paper.ts'

const about = declarePlugin({
  name: 'cnas',
  kind: 'one-shot method',
  does: 'Search in a space that grows in stages.',
  provides: ['algorithm'],
  needs: oneShotNeeds,
  paper,
  options: declared,
})

/**
 * Curriculum search on shared weights: `createSearch({ space: cellSpace(), evaluator: weightSharing({ data }),
 * plugins: [cnas()], … })`. The derived architectures are the trials of the search. If another plugin provides a
 * weight optimizer, it is used. Errors: ARCHLOOM_OPTION; from the search, ARCHLOOM_CNAS_SPACE,
 * ARCHLOOM_CNAS_CURRICULUM, ARCHLOOM_CHECKPOINT_OTHER, ARCHLOOM_WEIGHT_SHARING_DIVERGED.
 */
export function cnas(given: CnasOptions = {}): Plugin {
  const options = declared.read(given)
  return definePlugin({
    ...about,
    options,
    panels: [
      {
        kind: 'lines',
        title: 'Policy entropy',
        about: 'How undecided the policy is, in nats; it rises where a stage adds options.',
        event: 'policy.progress',
        metrics: ['entropy'],
      },
      {
        kind: 'lines',
        title: 'Reward and baseline',
        about: 'The reward of sampled architectures, and the moving average from which the advantage is measured.',
        event: 'policy.progress',
        metrics: ['reward', 'baseline'],
      },
    ],
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
