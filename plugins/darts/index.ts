/** DARTS, first order: all operations at once, weighted by a softmax that is trained by gradient descent. */
import { definePlugin, type Plugin, tokens } from '../../core/index.ts'
import { decidingOf, oneShot, oneShotNeeds } from '../../evaluators/weight-sharing/index.ts'
import { continuousRelaxation } from './continuous-relaxation.ts'
import { type DartsOptions, deciding, declared, defaults } from './options.ts'
import { paper } from './paper.ts'

/**
 * Differentiable architecture search on shared weights: `createSearch({ space: nasBench201Space(), evaluator:
 * weightSharing({ data }), plugins: [darts()], … })`. The derived architecture is the search's one trial.
 * Errors: ARCHLOOM_OPTION; when it runs ARCHLOOM_WEIGHT_SHARING_MIXTURE and those of `oneShot`.
 */
export function darts(given: DartsOptions = {}): Plugin {
  const options = declared.read(given)
  const algorithm = oneShot({
    name: 'darts',
    options,
    deciding: decidingOf(options, deciding),
    defaults,
    strategy: continuousRelaxation(options),
  })
  return definePlugin({
    name: 'darts',
    provides: ['algorithm'],
    needs: oneShotNeeds,
    paper,
    options,
    bind: ({ bind }) => bind(tokens.ALGORITHM).toFactory(algorithm),
  })
}

export { continuousRelaxation } from './continuous-relaxation.ts'
export type { DartsOptions } from './options.ts'
export { paper } from './paper.ts'
