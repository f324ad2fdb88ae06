import type { Network } from '../../core/trainer.ts'

/** Number of trained values of a network; running statistics do not count. */
export const parameterCount = (network: Pick<Network, 'trainable'>): number =>
  network.trainable.reduce((sum, variable) => sum + variable.size, 0)
