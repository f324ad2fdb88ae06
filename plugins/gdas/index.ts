/**
 * GDAS: one drawn operation per edge in the forward pass, and the gradient of a Gumbel softmax in the backward pass.
 */
import { declarePlugin, definePlugin, type Plugin, tokens } from '../../core/index.ts'
import { decidingOf, oneShot, oneShotNeeds } from '../../evaluators/weight-sharing/index.ts'
import { gumbelStrategy } from './gumbel.ts'
import { deciding, declared, defaults, type GdasOptions } from './options.ts'
import { paper } from './paper.ts'

const about = declarePlugin({
  name: 'gdas',
  kind: 'one-shot method',
  does: 'Differentiable search on architectures that are drawn by Gumbel softmax.',
  provides: ['algorithm'],
  needs: oneShotNeeds,
  paper,
  options: declared,
})

/**
 * Gradient-based search by differentiable sampling on shared weights: `createSearch({ space: nasBench201Space(),
 * evaluator: weightSharing({ data }), plugins: [gdas()], … })`. The derived architecture is the only trial of the
 * search. Errors: ARCHLOOM_OPTION; from the search, ARCHLOOM_WEIGHT_SHARING_MIXTURE and those of `oneShot`.
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
  return definePlugin({ ...about, options, bind: ({ bind }) => bind(tokens.ALGORITHM).toFactory(algorithm) })
}

export { gumbel, gumbelRelaxation, gumbelStrategy } from './gumbel.ts'
export type { GdasOptions } from './options.ts'
export { paper } from './paper.ts'
