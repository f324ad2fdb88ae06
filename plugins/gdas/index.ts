/** GDAS: one drawn operation an edge in the forward pass, the slope of a Gumbel softmax in the backward pass. */
import { definePlugin, type Plugin, tokens } from '../../core/index.ts'
import { decidingOf, oneShot, oneShotNeeds } from '../../evaluators/weight-sharing/index.ts'
import { gumbelStrategy } from './gumbel.ts'
import { deciding, declared, defaults, type GdasOptions } from './options.ts'
import { paper } from './paper.ts'

/**
 * Gradient-based search by differentiable sampling on shared weights: `createSearch({ space: nasBench201Space(),
 * evaluator: weightSharing({ data }), plugins: [gdas()], … })`. The derived architecture is the search's one trial.
 * Errors: ARCHLOOM_OPTION; when it runs ARCHLOOM_WEIGHT_SHARING_MIXTURE and those of `oneShot`.
 */
export function gdas(given: GdasOptions = {}): Plugin {
  const options = declared.read(given)
  const algorithm = oneShot({
    name: 'gdas',
    options,
    deciding: decidingOf(options, deciding),
    defaults,
    strategy: gumbelStrategy(options),
  })
  return definePlugin({
    name: 'gdas',
    provides: ['algorithm'],
    needs: oneShotNeeds,
    paper,
    options,
    bind: ({ bind }) => bind(tokens.ALGORITHM).toFactory(algorithm),
  })
}

export { gumbel, gumbelRelaxation, gumbelStrategy } from './gumbel.ts'
export type { GdasOptions } from './options.ts'
export { paper } from './paper.ts'
