import { declarePlugin, definePlugin, type Plugin } from '../../core/index.ts'
import { paper } from './paper.ts'
import {
  declaredMedian,
  declaredPatience,
  type MedianStoppingOptions,
  medianRule,
  type PatienceOptions,
  patienceRule,
} from './stopping.ts'

export { paper } from './paper.ts'
export { type MedianStoppingOptions, medianRule, type PatienceOptions, patienceRule } from './stopping.ts'

const aboutMedianStopping = declarePlugin({
  name: 'median-stopping',
  kind: 'scheduler',
  does: 'Stops trials that are worse than the median of the others.',
  paper,
  provides: ['scheduler'],
  options: declaredMedian,
})

/** The median stopping rule as a plugin. It works with any controller. Error: ARCHLOOM_OPTION. */
export function medianStopping(given: MedianStoppingOptions = {}): Plugin {
  const options = declaredMedian.read(given)
  return definePlugin({ ...aboutMedianStopping, options, bind: ({ scheduler }) => scheduler.to(medianRule(options)) })
}

const aboutPatience = declarePlugin({
  name: 'patience',
  kind: 'scheduler',
  does: 'Stops trials that no longer improve.',
  provides: ['scheduler'],
  options: declaredPatience,
})

/** A plugin that stops trials that no longer improve. It works with any controller. Error: ARCHLOOM_OPTION. */
export function patience(given: PatienceOptions = {}): Plugin {
  const options = declaredPatience.read(given)
  return definePlugin({ ...aboutPatience, options, bind: ({ scheduler }) => scheduler.to(patienceRule(options)) })
}
