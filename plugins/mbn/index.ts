import { declarePlugin, definePlugin } from '../../core/index.ts'
import { papers } from './paper.ts'
import { declared, type MbnTrainerOptions, mbnTrainer } from './trainer.ts'

export {
  type MemorizedBatchNormOptions,
  mbnNormalisation,
  memorizedBatchNorm,
  type RefreshMode,
} from './layer.ts'
export type { MemoryOptions } from './memory.ts'
export type { GradientMode } from './normalise.ts'
export { papers } from './paper.ts'
export {
  clearMemory,
  doubleForwardStep,
  hasMemory,
  type MbnTrainerOptions,
  mbnTrainer,
  refreshMemory,
} from './trainer.ts'
export { type MemoryWeights, meanAge, type WeightFamily, weightsOf } from './weights.ts'

const about = declarePlugin({
  name: 'mbn',
  kind: 'training method',
  does: 'Batch normalization with memorized statistics, trained by double forward passes.',
  paper: papers,
  provides: ['trainer'],
  needs: ['networks'],
  options: declared,
})

/**
 * Double-Forward training for every network of a search whose space uses `mbnNormalisation()`; networks with other
 * normalisations are trained as usual.
 */
export const mbn = (given: MbnTrainerOptions = {}) => {
  const options = declared.read(given)
  return definePlugin({ ...about, options, bind: ({ trainer }) => trainer.to(mbnTrainer(given)) })
}
