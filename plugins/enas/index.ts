/** ENAS: an LSTM policy and the weights of one supernet, trained alternately. */
import { declarePlugin, definePlugin, type Plugin, tokens } from '../../core/index.ts'
import { decidingOf, oneShot, oneShotNeeds } from '../../evaluators/weight-sharing/index.ts'
import { deciding, declared, defaults, type EnasOptions } from './options.ts'
import { paper } from './paper.ts'
import { policyStrategy } from './policy-strategy.ts'

const about = declarePlugin({
  name: 'enas',
  kind: 'one-shot method',
  does: 'Shared weights and an LSTM policy, trained alternately.',
  provides: ['algorithm'],
  needs: oneShotNeeds,
  paper,
  options: declared,
})

/**
 * Efficient architecture search on shared weights: `createSearch({ space: cellSpace(), evaluator: weightSharing({ data
 * }), plugins: [enas()], … })`. Architectures drawn from the trained policy are the trials of the search. Errors:
 * ARCHLOOM_OPTION; from the search, those of `oneShot`.
 */
export function enas(given: EnasOptions = {}): Plugin {
  const options = declared.read(given)
  const algorithm = oneShot({
    name: 'enas',
    options,
    deciding: decidingOf(options, deciding),
    defaults,
    strategy: policyStrategy(options),
  })
  return definePlugin({ ...about, options, bind: ({ bind }) => bind(tokens.ALGORITHM).toFactory(algorithm) })
}

export type { EnasOptions } from './options.ts'
export { paper } from './paper.ts'
export { enasLayout, policyStrategy } from './policy-strategy.ts'
