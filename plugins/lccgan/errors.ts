import { defineErrors } from '../../core/index.ts'
import { optionError } from '../../core/options/index.ts'

export const error = defineErrors('lccgan', {
  ARCHLOOM_LCCGAN_TOO_FEW_BASES: (d: { bases: number; neighbours: number }) =>
    `${d.bases} bases cannot give ${d.neighbours} neighbours; expected at least as many bases as local coordinates d. ` +
    `Learn more bases, or lower d.`,
  ARCHLOOM_LCCGAN_POINTS: (d: { where: string; received: string; expected: string }) =>
    `${d.where} received ${d.received}; expected ${d.expected}.`,
  ARCHLOOM_LCCGAN_COLLAPSED: (d: { step: number; steps: number; side: string; learningRate: number }) =>
    `the loss of the ${d.side} at step ${d.step} of ${d.steps} is not finite (learning rate ${d.learningRate}): ` +
    `the training has collapsed, and the ${d.side}'s weights are unchanged. Lower the learning rate, or use the loss 'wasserstein'.`,
  ARCHLOOM_LCCGAN_NETWORK: (d: { received: string; expected: string }) =>
    `the network is ${d.received}; expected ${d.expected}. Make it with convolutionalGan(), denseGan() or gan().`,
})

/** Refuses a value that is not a whole number from `least` up. */
export function whole(where: string, option: string, received: number, least = 1): number {
  if (!Number.isInteger(received) || received < least)
    throw optionError(where, option, received, `a whole number of at least ${least}`)
  return received
}

/** Refuses a value that is not a finite number from `least` up. */
export function atLeast(where: string, option: string, received: number, least = 0): number {
  if (!(received >= least && Number.isFinite(received)))
    throw optionError(where, option, received, `a number of at least ${least}`)
  return received
}

export function oneOfNames<T extends string>(where: string, option: string, received: T, names: readonly T[]): T {
  if (!names.includes(received)) throw optionError(where, option, received, `one of ${names.join(', ')}`)
  return received
}
