import { defineErrors } from '../../core/errors.ts'

const shapeText = (shape: readonly number[]) => `[${shape.join(', ')}]`

export const error = defineErrors('jwdm', {
  ARCHLOOM_JWDM_SHAPES: (d: {
    part: string
    received: readonly number[]
    expected: readonly number[]
    remedy: string
  }) => `${d.part} has shape ${shapeText(d.received)}; expected ${shapeText(d.expected)}. ${d.remedy}`,
  ARCHLOOM_JWDM_NETWORK: (d: { trainer: string; received: string }) =>
    `${d.trainer} received ${d.received}; expected a joint network with encoders, decoders and critics of two domains. Build one with denseJointNetwork(), convolutionalJointNetwork() or jointNetwork().`,
})
