import { defineErrors, quote } from '../../core/errors.ts'
import { optionError } from '../../core/options/index.ts'

export const error = defineErrors('abs', {
  ARCHLOOM_ABS_CALIBRATION: (d: { examples: number }) =>
    `the calibration set gave ${d.examples} examples; expected at least one. Gates of activations are computed from averages over it.`,
  ARCHLOOM_ABS_DIVERGED: (d: { step: number; steps: number; learningRate: number }) =>
    `abs: the loss was not finite at step ${d.step} of ${d.steps} (learning rate ${d.learningRate}). Lower the learning rate, or start from better trained weights.`,
  ARCHLOOM_ABS_NOT_FOUND: (d: { configuration: string }) =>
    `abs: no search of this study found the configuration ${quote(d.configuration)}. Remove it from the queue; for a network with given bits use uniformBits() or randomBits().`,
  ARCHLOOM_ABS_CLASSES: (d: { received: readonly number[]; classes: number }) =>
    `abs: the network's outputs have shape [${d.received.join(', ')}], but the data has ${d.classes} classes; expected one logit per class.`,
})

export function check(option: string, received: number, valid: (value: number) => boolean, expected: string): void {
  if (!valid(received)) throw optionError('abs', option, received, expected)
}
