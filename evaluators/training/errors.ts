import { defineErrors } from '../../core/errors.ts'
import { optionError } from '../../core/options/index.ts'

export const error = defineErrors('training', {
  ARCHLOOM_TRAINING_DIVERGED: (d: { trainer: string; step: number; steps: number; learningRate: number }) =>
    `${d.trainer}: the loss of step ${d.step} of ${d.steps} is not finite (learning rate ${d.learningRate}). Lower the learning rate, warm it up, or clip gradients with clipNorm.`,
  ARCHLOOM_TRAINING_OUTPUT: (d: { received: readonly number[]; classes: number }) =>
    `the network's output for one input has shape [${d.received.join(', ')}]; expected logits [${d.classes}], one for each class of the training split. Build it for ${d.classes} classes, or give the trainer a loss.`,
  ARCHLOOM_TRAINING_NO_BATCHES: (d: { size: number; batchSize: number }) =>
    `the training split of size ${d.size} gave no batch of ${d.batchSize} examples; expected at least one. Correct its batches() method, or give it examples.`,
})

/** Checks the number of epochs that a trainer receives. Error: ARCHLOOM_OPTION. */
export function checkEpochs(trainer: string, epochs: unknown): void {
  if (!(typeof epochs === 'number' && epochs > 0 && Number.isFinite(epochs)))
    throw optionError(trainer, 'epochs', epochs, 'a number above 0')
}
