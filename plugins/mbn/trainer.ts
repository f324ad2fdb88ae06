import * as tf from '@tensorflow/tfjs-core'
import { flag, type OptionsOf, options } from '../../core/options/index.ts'
import type { Network, Trainer } from '../../core/trainer.ts'
import { type StepContext, supervisedFields, supervisedTrainer } from '../../evaluators/training/index.ts'
import type { RefreshMode } from './layer.ts'
import { memoriesAmong } from './memory.ts'

export const declared = options('mbnTrainer', {
  doubleForward: flag({
    default: true,
    doc: 'Forward each batch again after its step, so that its statistics belong to the new weights.',
  }),
  ...supervisedFields,
})
export type MbnTrainerOptions = OptionsOf<typeof declared>

/** Whether any layer of a network has a memory. */
export const hasMemory = (network: Pick<Network, 'state'>): boolean => memoriesAmong(network.state).length > 0

/** Empties all memories, for a restart with other data or another learning rate. */
export function clearMemory(network: Pick<Network, 'state'>): void {
  for (const variable of memoriesAmong(network.state))
    tf.tidy(() => variable.assign(tf.zerosLike(variable as tf.Tensor)))
}

/**
 * The second forward pass: computes the statistics of the batch of the last step under the new weights. Each layer
 * receives the outputs of the refreshed layers before it. Weights, optimizer and other state of the network (such as
 * running averages of other layers, which include this batch already) are not changed.
 */
export function refreshMemory(network: Network, inputs: tf.Tensor, mode: Omit<RefreshMode, 'training'> = {}): void {
  // Without a tap, because optimizers have seen this batch already.
  const { tap: _, ...rest } = mode
  const refresh: RefreshMode = { ...rest, training: true, memory: 'refresh' }
  const memories = new Set(memoriesAmong(network.state))
  tf.tidy(() => {
    const others = network.state.flatMap((variable) =>
      memories.has(variable) ? [] : [{ variable, before: tf.clone(variable as tf.Tensor) }],
    )
    network.apply(inputs, refresh)
    for (const { variable, before } of others) variable.assign(before)
  })
}

/** Performs a gradient step and then the second forward pass, with the same dropout masks. */
export function doubleForwardStep(step: () => number, { network, batch, mode }: StepContext): number {
  if (!hasMemory(network)) return step()
  const before = mode.rng?.snapshot()
  const loss = step()
  if (!Number.isFinite(loss)) return loss
  const after = mode.rng?.snapshot()
  if (before) mode.rng?.restore(before)
  refreshMemory(network, batch.inputs, mode)
  if (after) mode.rng?.restore(after)
  return loss
}

/**
 * The stock trainer with Double-Forward. Networks without memory are trained as usual, so a search may choose between
 * normalisations. Errors: those of `supervisedTrainer` and of the layer.
 */
export function mbnTrainer(given: MbnTrainerOptions = {}): Trainer {
  const { doubleForward, ...read } = declared.read(given)
  const { aroundStep = (step) => step() } = read
  const trainer = supervisedTrainer({
    ...read,
    ...(doubleForward && {
      aroundStep: (step, on) => aroundStep(() => doubleForwardStep(step, on), on),
    }),
  })
  return { name: 'mbnTrainer', fit: (...run) => trainer.fit(...run) }
}
