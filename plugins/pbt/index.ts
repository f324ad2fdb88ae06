import { declarePlugin, definePlugin, type Plugin } from '../../core/index.ts'
import { type PbtOptions, type PerturbOptions, pbtOptions, perturbOptions } from './options.ts'
import { paper } from './paper.ts'
import { perturbation } from './perturbation.ts'
import { populationBasedTraining } from './population.ts'

export { type PbtOptions, type PerturbOptions, pbtOptions, perturbOptions } from './options.ts'
export { paper } from './paper.ts'
export { perturbation } from './perturbation.ts'
export { populationBasedTraining } from './population.ts'

const aboutPbt = declarePlugin({
  name: 'pbt',
  kind: 'scheduler',
  does: 'Population-based training: replaces the worst trials by continuations of the best.',
  paper,
  provides: ['scheduler'],
  options: pbtOptions,
})

/** The scheduler of population-based training as a plugin. It works with any controller. Error: ARCHLOOM_OPTION. */
export function pbt(given: PbtOptions = {}): Plugin {
  const options = pbtOptions.read(given)
  return definePlugin({ ...aboutPbt, options, bind: ({ scheduler }) => scheduler.to(populationBasedTraining(options)) })
}

const aboutPerturb = declarePlugin({
  name: 'perturb',
  kind: 'controller',
  does: 'Perturbs the hyperparameters of the trial that a new one continues (for pbt).',
  paper,
  provides: ['controller'],
  needs: ['space'],
  options: perturbOptions,
})

/** The exploring part of population-based training as a plugin. Error: ARCHLOOM_OPTION. */
export function perturb(given: PerturbOptions = {}): Plugin {
  const factory = perturbation(given)
  return definePlugin({ ...aboutPerturb, options: given, bind: ({ controller }) => controller.to(factory) })
}
