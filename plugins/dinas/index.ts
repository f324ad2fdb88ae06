/**
 * DI-NAS: weight updates that do not change the outputs of shared operations for the inputs of earlier architectures.
 */
import { declarePlugin, definePlugin } from '../../core/index.ts'
import { tapping, WEIGHT_OPTIMIZER, type WeightOptimizer } from '../../evaluators/weight-sharing/index.ts'
import { declared, type ProjectionOptions } from './options.ts'
import { owmPaper, paper } from './paper.ts'
import { projected } from './projected.ts'

export { fallingAlpha, owmAlpha, type ProjectionOptions, type Protection } from './options.ts'
export { owmPaper, paper } from './paper.ts'
export { ProjectedOptimizer, type ProjectionMetrics, projected } from './projected.ts'
export { type Projector, projector } from './projector.ts'

/** Makes any method's optimizer of shared weights immune to disturbance, without the plugin. */
export const disturbanceImmune = (options: ProjectionOptions = {}): WeightOptimizer => {
  declared.read(options)
  return (own) => tapping(projected(own, options))
}

const about = declarePlugin({
  name: 'dinas',
  kind: 'training method',
  does: 'Shared weights that are updated without disturbing earlier architectures.',
  paper: [paper, owmPaper],
  provides: ['weight-optimizer'],
  needs: ['evaluator:weight-sharing'],
  options: declared,
})

/**
 * Makes the shared weights of any one-shot method immune to disturbance: `plugins: [cnas(), dinas()]`. Error:
 * ARCHLOOM_OPTION.
 */
export const dinas = (options: ProjectionOptions = {}) => {
  const { alpha, layers: _, ...plain } = declared.read(options)
  return definePlugin({
    ...about,
    options: { ...plain, alpha: typeof alpha === 'function' ? 'function' : alpha },
    bind: ({ bind }) => bind(WEIGHT_OPTIMIZER).to(disturbanceImmune(options)),
  })
}
