import { declarePlugin, definePlugin } from '../../core/index.ts'
import { type PredictorOptions, predictorOptions } from './options.ts'
import { papers } from './paper.ts'
import { predictorSearch } from './predictor-search.ts'

export { type PredictorOptions, predictorOptions } from './options.ts'
export { papers } from './paper.ts'
export { predictorSearch } from './predictor-search.ts'

const about = declarePlugin({
  name: 'predictor',
  kind: 'controller',
  does: 'Evolution guided by an ensemble of trees that predicts results.',
  paper: papers,
  provides: ['controller'],
  needs: ['space'],
  options: predictorOptions,
})

/** Evolution guided by an ensemble that predicts results, as a plugin. Error: ARCHLOOM_OPTION. */
export const predictor = (options: PredictorOptions = {}) => {
  const factory = predictorSearch(options)
  return definePlugin({ ...about, options, bind: ({ controller }) => controller.to(factory) })
}
