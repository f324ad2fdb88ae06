/** ENAS: an LSTM policy and the weights of one supernet, trained in turns. */
import { definePlugin, type Plugin, tokens } from '../../core/index.ts'
import { decidingOf, oneShot, oneShotNeeds } from '../../evaluators/weight-sharing/index.ts'
import { deciding, declared, defaults, type EnasOptions } from './options.ts'
import { paper } from './paper.ts'
import { policyStrategy } from './policy-strategy.ts'

/**
 * Efficient architecture search on shared weights: `createSearch({ space: cellSpace(), evaluator:
 * weightSharing({ data }), plugins: [enas()], … })`. Architectures drawn from the trained policy are the search's trials.
 * Errors: ARCHLOOM_OPTION; when it runs those of `oneShot`.
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
  return definePlugin({
    name: 'enas',
    provides: ['algorithm'],
    needs: oneShotNeeds,
    paper,
    options,
    bind: ({ bind }) => bind(tokens.ALGORITHM).toFactory(algorithm),
  })
}

export type { EnasOptions } from './options.ts'
export { paper } from './paper.ts'
export { enasLayout, policyStrategy } from './policy-strategy.ts'
