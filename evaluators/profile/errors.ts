import { defineErrors, quote } from '../../core/errors.ts'

export const error = defineErrors('profile', {
  ARCHLOOM_PROFILE_TRACE_DIFFERS: (d: { place: number; received: string; expected: string }) =>
    `the network ran different kernels for inputs of another size (at kernel ${d.place}: ${quote(d.received)} instead of ${quote(d.expected)}); its forward pass must not depend on the size of the batch or on randomness.`,
  ARCHLOOM_PROFILE_TRACE_BROKEN: (d: { shape: readonly number[]; name: string; reader: string }) =>
    `a tensor of shape [${d.shape}]${d.name && ` from ${quote(d.name)}`}, read by ${d.reader}, changes with the input but was not computed from it by a kernel; a forward pass must not read values (dataSync) and make tensors from them. Run such a step as a custom kernel (tf.registerKernel).`,
  ARCHLOOM_PROFILE_LAYER_TABLE: (d: { layer: string; field: string; received: unknown; expected: string }) =>
    `layer ${quote(d.layer)} of a table has ${d.field} ${quote(d.received)}, expected ${d.expected}.`,
})
