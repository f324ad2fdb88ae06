import * as tf from '@tensorflow/tfjs-core'
import { optionError, optionNames } from '../../core/options/index.ts'
import {
  batchNormInference,
  type Layer,
  type NamedNormalisation,
  type Normalisation,
  ones,
  zeros,
} from '../../core/tensor/index.ts'
import type { ApplyMode } from '../../core/trainer.ts'
import { error } from './errors.ts'
import { type MemoryOptions, memory } from './memory.ts'
import { type GradientMode, normaliseByMemory, statisticsOf } from './normalise.ts'
import { checkedWeights } from './weights.ts'

export interface MemorizedBatchNormOptions extends MemoryOptions {
  /** Default 'share', the exact gradient. */
  readonly gradient?: GradientMode
  /** Added to the variance. Default 1e-5. */
  readonly epsilon?: number
  /** Number of memories per layer: the number of its uses in one forward pass, if weights are tied. Default 1. */
  readonly callSites?: number
  /** Behaviour of inference before any training step. Default 'throw'. */
  readonly whenEmpty?: 'throw' | 'identity'
}

/**
 * The mode of a second forward pass over the batch of the last step: the newest entries are replaced, without a
 * gradient.
 */
export interface RefreshMode extends ApplyMode {
  readonly memory?: 'refresh'
}

const gradients: readonly GradientMode[] = ['share', 'stop', 'full']

const layerNames = optionNames<MemorizedBatchNormOptions>('mbn', {
  family: true,
  batches: true,
  decay: true,
  variance: true,
  gradient: true,
  epsilon: true,
  callSites: true,
  whenEmpty: true,
})

/** Checks the options and fills in their defaults. Error: ARCHLOOM_OPTION. */
export function checkedOptions(options: MemorizedBatchNormOptions): Required<MemorizedBatchNormOptions> {
  layerNames(options)
  const { variance = 'averaged', gradient = 'share', epsilon = 1e-5, callSites = 1, whenEmpty = 'throw' } = options
  const refuse = (option: string, received: unknown, expected: string) => optionError('mbn', option, received, expected)
  if (variance !== 'averaged' && variance !== 'pooled') throw refuse('variance', variance, "'averaged' or 'pooled'")
  if (!gradients.includes(gradient)) throw refuse('gradient', gradient, `one of ${gradients.join(', ')}`)
  if (!(epsilon > 0 && Number.isFinite(epsilon))) throw refuse('epsilon', epsilon, 'a positive number')
  if (!(Number.isInteger(callSites) && callSites >= 1)) throw refuse('callSites', callSites, 'an integer of at least 1')
  if (whenEmpty !== 'throw' && whenEmpty !== 'identity') throw refuse('whenEmpty', whenEmpty, "'throw' or 'identity'")
  return { ...checkedWeights(options), variance, gradient, epsilon, callSites, whenEmpty }
}

/**
 * Memorized batch normalisation over all axes but the last: uses the statistics of the last batches, including the
 * present one, both in training and in inference. Training pushes the batch's statistics; a pass in `RefreshMode`
 * replaces them; inference leaves the memory as it is.
 * Errors: ARCHLOOM_OPTION; while running ARCHLOOM_MBN_BATCH_OF_ONE, ARCHLOOM_MBN_MEMORY_EMPTY.
 */
export function memorizedBatchNorm(given: MemorizedBatchNormOptions = {}): Normalisation {
  const options = checkedOptions(given)
  return (scope, { channels, affine = true, relu = false }): Layer => {
    const gamma = affine ? scope.weight('gamma', [channels], ones) : undefined
    const beta = affine ? scope.weight('beta', [channels], zeros) : undefined
    const memories = Array.from({ length: options.callSites }, (_, site) =>
      memory(scope.child(options.callSites === 1 ? 'memory' : `memory_${site}`), channels, options),
    )
    // One forward pass has one mode object: a second use with the same one is the next call site.
    let last: ApplyMode | undefined
    let uses = 0

    return (x: tf.Tensor, mode: RefreshMode) => {
      uses = mode === last ? uses + 1 : 0
      last = mode
      const site = memories[uses % memories.length] as (typeof memories)[number]
      if (mode.training) {
        const batch = statisticsOf(x)
        if (batch.samples === 1 && options.variance === 'averaged')
          throw error('ARCHLOOM_MBN_BATCH_OF_ONE', { layer: scope.path, shape: x.shape })
        if (mode.memory !== 'refresh') {
          site.push(batch)
          const scale = gamma ?? tf.ones([channels])
          const offset = beta ?? tf.zeros([channels])
          return normaliseByMemory(x, scale, offset, batch.mean, site.combined(), { ...options, relu })
        }
        site.replace(batch)
      } else if (options.whenEmpty === 'throw' && site.isEmpty())
        throw error('ARCHLOOM_MBN_MEMORY_EMPTY', { layer: scope.path })
      const { mean, variance } = site.combined()
      return batchNormInference(x, mean, variance, gamma, beta, options.epsilon, relu)
    }
  }
}

/** The layer with a name that contains its options, for the `normalisation` of spaces. Error: ARCHLOOM_OPTION. */
export function mbnNormalisation(options: MemorizedBatchNormOptions = {}): NamedNormalisation {
  const defaults = checkedOptions({})
  const changed = Object.entries(checkedOptions(options))
    .filter(([key, value]) => value !== defaults[key as keyof typeof defaults])
    .map(([key, value]) => `${key}=${value}`)
  return { name: ['mbn', ...changed].join('-'), layer: memorizedBatchNorm(options) }
}
