import { definePlugin, type Plugin } from '../../core/index.ts'
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

/** Hyperband as a plugin; goes with any controller (with tpe() it is BOHB). Error: ARCHLOOM_OPTION. */
export function hyperband(given: HyperbandOptions = {}): Plugin {
  const options = declared.read(given)
  return definePlugin({
    name: 'hyperband',
    paper: hyperbandPaper,
    provides: ['scheduler'],
    options,
    bind: ({ scheduler }) => scheduler.to(hyperbandBrackets(options)),
  })
}

/** Synchronous successive halving as a plugin; goes with any controller. Error: ARCHLOOM_OPTION. */
export function successiveHalving(given: SuccessiveHalvingOptions = {}): Plugin {
  const options = declaredHalving.read(given)
  return definePlugin({
    name: 'successive-halving',
    paper: successiveHalvingPaper,
    provides: ['scheduler'],
    options,
    bind: ({ scheduler }) => scheduler.to(halvingBrackets(options)),
  })
}
