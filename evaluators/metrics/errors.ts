import { defineErrors, quote } from '../../core/errors.ts'

export const error = defineErrors('metrics', {
  ARCHLOOM_METRIC_TOP_K: (d: { received: unknown; classes: number }) =>
    `topK is ${quote(d.received)}; expected a whole number from 1 to ${d.classes}, the number of classes.`,
  ARCHLOOM_METRIC_NO_EXAMPLES: (d: { role: string }) =>
    `the ${d.role} split has no examples, so nothing can be measured on it. Give it at least one.`,
  ARCHLOOM_METRIC_LOGITS: (d: { received: readonly number[]; expected: readonly number[] }) =>
    `the network's output has shape [${d.received.join(', ')}]; expected logits of shape [${d.expected.join(', ')}].`,
  ARCHLOOM_METRIC_IMAGE: (d: { metric: string; received: string; expected: string }) =>
    `${d.metric} received ${d.received}; expected ${d.expected}.`,
  ARCHLOOM_METRIC_LABEL: (d: { received: unknown; classes: number; role: string }) =>
    `the ${d.role} split has the label ${quote(d.received)}; expected whole numbers from 0 to ${d.classes - 1}, because it has ${d.classes} classes.`,
  ARCHLOOM_METRIC_LOSS: (d: { received: readonly number[] }) =>
    `the loss has shape [${d.received.join(', ')}]; expected one number, the mean over the batch (tf.mean).`,
})
