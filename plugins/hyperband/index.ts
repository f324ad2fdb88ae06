import { declarePlugin, definePlugin, type Plugin } from '../../core/index.ts'
import {
  declared,
  declaredHalving,
  type HyperbandOptions,
  halvingBrackets,
  hyperbandBrackets,
  type SuccessiveHalvingOptions,
} from './hyperband.ts'
import { hyperbandPaper, successiveHalvingPaper } from './papers.ts'

export {
  type HyperbandOptions,
  halvingBrackets,
  hyperbandBrackets,
  type SuccessiveHalvingOptions,
} from './hyperband.ts'
export { hyperbandPaper, successiveHalvingPaper } from './papers.ts'

const aboutHyperband = declarePlugin({
  name: 'hyperband',
  kind: 'scheduler',
  does: 'Brackets of successive halving.',
  paper: hyperbandPaper,
  provides: ['scheduler'],
  options: declared,
})

/** Hyperband as a plugin. It works with any controller (with tpe() it is BOHB). Error: ARCHLOOM_OPTION. */
export function hyperband(given: HyperbandOptions = {}): Plugin {
  const options = declared.read(given)
  return definePlugin({ ...aboutHyperband, options, bind: ({ scheduler }) => scheduler.to(hyperbandBrackets(options)) })
}

const aboutSuccessiveHalving = declarePlugin({
  name: 'successive-halving',
  kind: 'scheduler',
  does: 'Synchronous successive halving.',
  paper: successiveHalvingPaper,
  provides: ['scheduler'],
  options: declaredHalving,
})

/** Synchronous successive halving as a plugin. It works with any controller. Error: ARCHLOOM_OPTION. */
export function successiveHalving(given: SuccessiveHalvingOptions = {}): Plugin {
  const options = declaredHalving.read(given)
  return definePlugin({
    ...aboutSuccessiveHalving,
    options,
    bind: ({ scheduler }) => scheduler.to(halvingBrackets(options)),
  })
}
