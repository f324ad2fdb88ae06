/** DI-NAS: weight updates that leave alone what earlier architectures fed into the operations they share. */
import { definePlugin } from '../../core/index.ts'
import { tapping, WEIGHT_OPTIMIZER, type WeightOptimizer } from '../../evaluators/weight-sharing/index.ts'
import { declared, type ProjectionOptions } from './options.ts'
import { owmPaper, paper } from './paper.ts'
import { projected } from './projected.ts'

export { fallingAlpha, owmAlpha, type ProjectionOptions, type Protection } from './options.ts'
export { owmPaper, paper } from './paper.ts'
export { ProjectedOptimizer, type ProjectionMetrics, projected } from './projected.ts'
export { type Projector, projector } from './projector.ts'

/** The plugin's part by itself: any method's optimizer of shared weights, made immune. */
export const disturbanceImmune = (options: ProjectionOptions = {}): WeightOptimizer => {
  declared.read(options)
  return (own) => tapping(projected(own, options))
}

/**
 * Makes the shared weights of any one-shot method immune to disturbance: `plugins: [cnas(), dinas()]`.
 * Throws ARCHLOOM_OPTION.
 */
export const dinas = (options: ProjectionOptions = {}) => {
  const { alpha, layers: _, ...plain } = declared.read(options)
  return definePlugin({
    name: 'dinas',
    paper: [paper, owmPaper],
    provides: ['weight-optimizer'],
    needs: ['evaluator:weight-sharing'],
    options: { ...plain, alpha: typeof alpha === 'function' ? 'function' : alpha },
    bind: ({ bind }) => bind(WEIGHT_OPTIMIZER).to(disturbanceImmune(options)),
  })
}
