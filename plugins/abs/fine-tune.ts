import type { Random, Split } from '../../core/index.ts'
import { optionNames } from '../../core/options/index.ts'
import { cosine, type SupervisedTrainerOptions, supervisedTrainer } from '../../evaluators/training/index.ts'
import { currentModel, type QuantisedModel, quantisedNetwork } from '../../search-spaces/compression/index.ts'

export interface FineTuneOptions extends Pick<SupervisedTrainerOptions, 'learningRate' | 'weightDecay'> {
  readonly data: Split<'train'>
  readonly epochs: number
  /** Default 128. */
  readonly batchSize?: number
  readonly rng: Random
  readonly signal?: AbortSignal
}

const fineTuneNames = optionNames<FineTuneOptions>('fineTune', {
  learningRate: true,
  weightDecay: true,
  data: true,
  epochs: true,
  batchSize: true,
  rng: true,
  signal: true,
})

/**
 * Trains the compressed network with fixed bits and filters: cross-entropy, SGD with Nesterov momentum, and by default
 * half a cosine from 0.01. Returns the model with its new weights, clip values and statistics.
 */
export async function fineTune(model: QuantisedModel, options: FineTuneOptions): Promise<QuantisedModel> {
  fineTuneNames(options)
  const { data, epochs, batchSize = 128, learningRate = cosine({ peak: 0.01 }), weightDecay = 1e-4 } = options
  using network = quantisedNetwork(model)
  const trainer = supervisedTrainer({ batchSize, learningRate, weightDecay })
  const fit = trainer.fit(network, data, {
    epochs,
    rng: options.rng,
    ...(options.signal && { signal: options.signal }),
  })
  for await (const _ of fit);
  return await currentModel(network)
}
