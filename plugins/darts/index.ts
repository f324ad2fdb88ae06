/** DARTS, first order: all operations at once, weighted by a softmax that is trained by gradient descent. */
import { declarePlugin, definePlugin, type Plugin, tokens } from '../../core/index.ts'
import { decidingOf, oneShot, oneShotNeeds } from '../../evaluators/weight-sharing/index.ts'
import { continuousRelaxation } from './continuous-relaxation.ts'
import { type DartsOptions, deciding, declared, defaults } from './options.ts'
import { paper } from './paper.ts'

const about = declarePlugin({
  name: 'darts',
  kind: 'one-shot method',
  does: 'Differentiable search by a continuous relaxation.',
  provides: ['algorithm'],
  needs: oneShotNeeds,
  paper,
  options: declared,
})

/**
 * Differentiable architecture search on shared weights: `createSearch({ space: nasBench201Space(), evaluator:
 * weightSharing({ data }), plugins: [darts()], … })`. The derived architecture is the only trial of the search.
 * Errors: ARCHLOOM_OPTION; from the search, ARCHLOOM_WEIGHT_SHARING_MIXTURE and those of `oneShot`.
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
  return definePlugin({ ...about, options, bind: ({ bind }) => bind(tokens.ALGORITHM).toFactory(algorithm) })
}

export { continuousRelaxation } from './continuous-relaxation.ts'
export type { DartsOptions } from './options.ts'
export { paper } from './paper.ts'
