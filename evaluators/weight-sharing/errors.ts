import { defineErrors, quote } from '../../core/errors.ts'

export const error = defineErrors('weight-sharing', {
  ARCHLOOM_WEIGHT_SHARING_SUPERNET: (d: { space: string }) =>
    `space ${quote(d.space)} has no supernet, so weights cannot be shared. Give defineSpace(${quote(d.space)}, …) a supernet function, or use a space that has one, such as cellSpace() or nasBench201Space().`,
  ARCHLOOM_WEIGHT_SHARING_MIXTURE: (d: { method: string; space: string }) =>
    `${d.method} weighs all operations of an edge, but the supernet of space ${quote(d.space)} has no such relaxation (mixture). Use a space that has one, such as cellSpace() or nasBench201Space(), or a method that samples paths, such as spos() or enas().`,
  ARCHLOOM_WEIGHT_SHARING_EVALUATOR: (d: { method: string; received: string; kind: string }) =>
    `${d.method} received evaluator ${quote(d.received)} of kind ${quote(d.kind)}; expected shared weights. Use weightSharing() from archloom/evaluators/weight-sharing.`,
  ARCHLOOM_WEIGHT_SHARING_DIVERGED: (d: { step: number }) =>
    `the loss of weight step ${d.step} is not finite. Lower the learning rate of the shared weights, or clip their gradients with clipNorm.`,
  ARCHLOOM_CHECKPOINT_OTHER: (d: { file: string; field: string; received: unknown; expected: unknown }) =>
    `checkpoint ${quote(d.file)} has the ${d.field} ${quote(d.received)}; expected ${quote(d.expected)}. Give this search its own folder, or continue with the space, version, seed and options that wrote the checkpoint.`,
  ARCHLOOM_CHECKPOINT_CORRUPT: (d: { file: string; reason: string }) =>
    `checkpoint ${quote(d.file)} cannot be read: ${d.reason}. Remove it to start again.`,
  ARCHLOOM_RANKING_INPUT: (d: { received: unknown; expected: string }) =>
    `the ranking received ${quote(d.received)}; expected ${d.expected}.`,
})
