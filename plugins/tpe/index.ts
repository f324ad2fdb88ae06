import { declarePlugin, definePlugin } from '../../core/index.ts'
import { type TpeOptions, tpeOptions } from './options.ts'
import { papers } from './paper.ts'
import { treeParzen } from './tree-parzen.ts'

export { type TpeOptions, tpeOptions } from './options.ts'
export { papers } from './paper.ts'
export { kernelWidths, type Mixture, parzenMixture } from './parzen.ts'
export { treeParzen } from './tree-parzen.ts'

const about = declarePlugin({
  name: 'tpe',
  kind: 'controller',
  does: 'Tree-structured Parzen estimator.',
  paper: papers,
  provides: ['controller'],
  needs: ['space'],
  options: tpeOptions,
})

/** The multivariate tree-structured Parzen estimator as a plugin. Error: ARCHLOOM_OPTION. */
export const tpe = (options: TpeOptions = {}) => {
  const factory = treeParzen(options)
  return definePlugin({ ...about, options, bind: ({ controller }) => controller.to(factory) })
}
