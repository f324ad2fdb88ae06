import { defineErrors, quote } from '../../core/errors.ts'

export const error = defineErrors('compress', {
  ARCHLOOM_COMPRESS_TARGET: (d: { unit: string; received: number; minimum: number }) =>
    `a share of ${d.received} of the ${d.unit} cannot be reached; the smallest reachable share is ${d.minimum.toPrecision(3)}. Use at least this share.`,
  ARCHLOOM_COMPRESS_SOURCE: (d: { source: string; reason: string }) =>
    `${quote(d.source)} cannot be loaded as a model: ${d.reason}. Give a network, a tf.LayersModel, or the folder of a saved tf.js model (model.json and its weights).`,
})
