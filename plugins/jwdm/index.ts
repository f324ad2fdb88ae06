/** JWDM: joint distribution matching of two domains from unpaired examples; translation and cross-domain video. */
import { declarePlugin, definePlugin } from '../../core/index.ts'
import { resolveObjective } from './objective.ts'
import { paper } from './paper.ts'
import { declared, type JwdmOptions, jwdmTrainer } from './trainer.ts'

const about = declarePlugin({
  name: 'jwdm',
  kind: 'training method',
  does: 'Joint distribution matching of two domains from unpaired examples.',
  paper,
  provides: ['trainer'],
  needs: ['networks'],
  options: declared,
})

/** A plugin that trains the joint networks of a search by the joint objective. */
export const jwdm = (options: JwdmOptions = {}) => {
  const made = jwdmTrainer(options)
  return definePlugin({
    ...about,
    // A schedule is a function, which a study cannot record.
    options: {
      ...resolveObjective(options.objective),
      batchSize: options.batchSize ?? 1,
      beta1: options.beta1 ?? 0.5,
    },
    bind: ({ trainer }) => trainer.to(made),
  })
}

export { type ConvolutionalJointNetworkOptions, convolutionalJointNetwork } from './convolutional-network.ts'
export { type DenseJointNetworkOptions, denseJointNetwork } from './dense-network.ts'
export { type InterpolatedVideo, interpolate } from './interpolate.ts'
export { interpolationGap, type JointAgreement, jointAgreement, jointFloor } from './joint-law.ts'
export {
  type Domain,
  encoded,
  type JointNetwork,
  type JointNetworkOptions,
  jointNetwork,
  type Side,
  translate,
} from './joint-network.ts'
export { criticLoss, type GeneratorLosses } from './losses.ts'
export { inverseQuadraticMmd } from './mmd.ts'
export { type JointObjective, type LatentMatch, objectives } from './objective.ts'
export { paper } from './paper.ts'
export { heldThenLinear, type JointSteps, type JwdmOptions, jointSteps, jwdmTrainer } from './trainer.ts'
