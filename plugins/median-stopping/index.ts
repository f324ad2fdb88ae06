import { definePlugin, type Plugin } from '../../core/index.ts'
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

/** The median stopping rule as a plugin; goes with any controller. Error: ARCHLOOM_OPTION. */
export function medianStopping(given: MedianStoppingOptions = {}): Plugin {
  const options = declaredMedian.read(given)
  return definePlugin({
    name: 'median-stopping',
    paper,
    provides: ['scheduler'],
    options,
    bind: ({ scheduler }) => scheduler.to(medianRule(options)),
  })
}

/** Stops trials that no longer improve; goes with any controller. Error: ARCHLOOM_OPTION. */
export function patience(given: PatienceOptions = {}): Plugin {
  const options = declaredPatience.read(given)
  return definePlugin({
    name: 'patience',
    provides: ['scheduler'],
    options,
    bind: ({ scheduler }) => scheduler.to(patienceRule(options)),
  })
}
