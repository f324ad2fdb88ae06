import { definePlugin } from '../../core/index.ts'
import { paper } from './paper.ts'
import { type EvolutionOptions, regularizedEvolution } from './regularized-evolution.ts'

export { paper } from './paper.ts'
export { type EvolutionOptions, regularizedEvolution } from './regularized-evolution.ts'

/** Regularised (ageing) evolution as a plugin. */
export const evolution = (options: EvolutionOptions = {}) =>
  definePlugin({
    name: 'evolution',
    paper,
    provides: ['controller'],
    needs: ['space'],
    options,
    bind: ({ controller }) => controller.to(regularizedEvolution(options)),
  })
