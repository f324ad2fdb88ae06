import { defineErrors, quote } from '../../core/errors.ts'

export const error = defineErrors('training', {
  ARCHLOOM_TRAINING_DIVERGED: (d: { trainer: string; step: number; steps: number; learningRate: number }) =>
    `${d.trainer}: the loss of step ${d.step} of ${d.steps} is not finite (learning rate ${d.learningRate}). Lower the learning rate, warm it up, or clip gradients with clipNorm.`,
  ARCHLOOM_TRAINING_OPTION: (d: { where: string; option: string; received: unknown; expected: string }) =>
    `${d.where}: ${d.option} is ${quote(d.received)}; expected ${d.expected}.`,
  ARCHLOOM_TRAINING_OUTPUT: (d: { received: readonly number[]; classes: number }) =>
    `the network's output for one input has shape [${d.received.join(', ')}]; expected logits [${d.classes}], one for each class of the training split. Build it for ${d.classes} classes, or give the trainer a loss of its own.`,
  ARCHLOOM_TRAINING_NO_BATCHES: (d: { size: number; batchSize: number }) =>
    `the training split of size ${d.size} gave no batch of ${d.batchSize} examples; expected at least one. Mend its batches(), or give it examples.`,
})

/** Refuse an option that fails its test; NaN fails every test. */
export function checkOption(
  where: string,
  option: string,
  received: unknown,
  valid: (value: number) => boolean,
  expected: string,
): void {
  if (typeof received !== 'number' || !valid(received))
    throw error('ARCHLOOM_TRAINING_OPTION', { where, option, received, expected })
}

export const isWhole = (value: number): boolean => Number.isInteger(value) && value >= 1
export const isPositive = (value: number): boolean => value > 0 && value < Number.POSITIVE_INFINITY
export const isShare = (value: number): boolean => value >= 0 && value < 1
