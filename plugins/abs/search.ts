import { type Network, realClock, type Split } from '../../core/index.ts'
import { optionNames, pickOptions } from '../../core/options/index.ts'
import { momentum } from '../../core/tensor/index.ts'
import {
  type BitChoice,
  checkTarget,
  type LayerGraph,
  layerGraph,
  type QuantisedModel,
  type SuperBitNetworkOptions,
  superBitNetwork,
} from '../../search-spaces/compression/index.ts'
import { deriveModel } from './derive.ts'
import { check } from './errors.ts'
import { searchLoop } from './loop.ts'
import type { SearchOptions } from './options.ts'
import { readOut } from './read-out.ts'
import { clampThresholds } from './thresholds.ts'

export interface AbsSearchOptions extends SearchOptions, SuperBitNetworkOptions {
  /** Split over which gates of activations are averaged. Default: the training split, without augmentation. */
  readonly calibration?: Split
  /**
   * Whether the thresholds of weights and activations are trained in alternating steps (as in the paper), or in every
   * step. Default: true.
   */
  readonly alternate?: boolean
  /**
   * Thresholds are limited to this times the residual that they are compared with, so that a closed gate can open
   * again. Infinity is as in the paper. Default: 1.1.
   */
  readonly ceiling?: number
  /** Number of steps after which the bits for evaluation are set to those of the gates. Default: 500. */
  readonly refreshEvery?: number
  /** Whether clip values are initialised from the first batch, or from their options. Default: true. */
  readonly calibrateClips?: boolean
}

/** Options that `superBitNetwork` takes. */
export const SUPER_BIT = [
  'ladder',
  'quantise',
  'prune',
  'edgeBits',
  'weightClip',
  'activationClip',
  'weightScale',
] as const satisfies readonly (keyof SuperBitNetworkOptions)[]

/** The result of a search. */
export interface Compression {
  /** The network to fine-tune, export or run: plain data. */
  readonly model: QuantisedModel
  readonly choice: BitChoice
  /** BOPs of the model as a share of full precision. */
  readonly share: number
  /** λ at the end of the search. */
  readonly lambda: number
  /** Share of batches and layers whose activation bits differ from the chosen ones. */
  readonly flicker: number
  readonly searchSeconds: number
  /** Bytes of tensors that exist between the forward and backward pass of the last step. */
  readonly liveBytes: number
}

/** The layer graph of a network; a layer graph is returned unchanged. */
export const graphOf = async (network: Network | LayerGraph): Promise<LayerGraph> =>
  'nodes' in network ? network : layerGraph(network)

/** The options of `absSearch`, which the baselines and `absCompress` take too. */
export const SEARCH_OPTIONS: { readonly [K in keyof AbsSearchOptions]-?: true } = {
  data: true,
  steps: true,
  batchSize: true,
  learningRate: true,
  thresholdLearningRate: true,
  lambda: true,
  target: true,
  weightDecay: true,
  rng: true,
  clock: true,
  signal: true,
  onProgress: true,
  ladder: true,
  quantise: true,
  prune: true,
  edgeBits: true,
  weightClip: true,
  activationClip: true,
  weightScale: true,
  calibration: true,
  alternate: true,
  ceiling: true,
  refreshEvery: true,
  calibrateClips: true,
}
const absSearchNames = optionNames<AbsSearchOptions>('absSearch', SEARCH_OPTIONS)

/**
 * ABS (section 3): bits and filters of a trained classifier, searched in one network by gradient descent. Even steps
 * train the thresholds of weights, odd steps those of activations. With `prune: false` it is ABS-Q, with `quantise:
 * false` ABS-P. The derived network meets `target` if one is given. Errors: ARCHLOOM_SUPER_BIT_*, ARCHLOOM_ABS_*,
 * ARCHLOOM_PRUNABLE_WEIGHTS.
 */
export async function absSearch(network: Network | LayerGraph, options: AbsSearchOptions): Promise<Compression> {
  absSearchNames(options)
  const { ceiling = 1.1, refreshEvery = 500, alternate = true, clock = realClock, target } = options
  check('ceiling', ceiling, (x) => x > 0, 'a positive number')
  check('refreshEvery', refreshEvery, (x) => Number.isInteger(x) && x > 0, 'a positive whole number')
  check('target.bops', target?.bops ?? 1, (x) => !(x > 1), 'a share of full-precision BOPs, at most 1')
  using net = superBitNetwork(await graphOf(network), pickOptions(options, SUPER_BIT))
  if (target) checkTarget(net.plan, target.bops)
  const turnOf = (step: number) => (!alternate ? 'both' : step % 2 === 0 ? 'weights' : 'activations')
  const { weights, activations, filters } = net.thresholds
  const deciding = [...weights, ...activations, ...filters].filter((each) => each !== undefined)
  const began = clock.now()
  let steps = 0
  const { lambda, liveBytes } = await searchLoop(
    {
      net,
      deciding,
      variables: (step) => net.learning(turnOf(step)),
      search: (x, step) => net.search(x, turnOf(step)),
      optimizers: ({ learningRate, thresholdLearningRate, weightDecay }) => ({
        // Weight decay would open gates again, and makes no sense for clip values.
        weights: momentum({ learningRate, nesterov: true, weightDecay, decays: ({ rank }) => rank > 1 }),
        deciding: momentum({ learningRate: thresholdLearningRate, nesterov: true }),
      }),
      before: (x) => {
        if (options.calibrateClips ?? true) net.calibrateClips(x)
      },
      afterStep: () => {
        clampThresholds(net, ceiling)
        if (++steps % refreshEvery === 0) net.choice = net.selected
      },
    },
    options,
  )
  const calibration = options.calibration ?? options.data
  const found = await readOut(net, calibration, {
    ...(options.batchSize !== undefined && { batchSize: options.batchSize }),
    ...(target && { target }),
  })
  net.choice = found.choice
  return {
    model: await deriveModel(net, found.choice),
    choice: found.choice,
    share: found.bops / net.plan.fullBops,
    lambda,
    flicker: found.flicker,
    searchSeconds: (clock.now() - began) / 1000,
    liveBytes,
  }
}
