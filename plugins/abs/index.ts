/**
 * Automatic bit sharing: bit-widths of weights and activations and pruned filters of a trained classifier, searched
 * together in one network.
 *
 *     const { model, share } = await absCompress(network, { data, target: { bops: 0.02 } })
 *     using small = quantisedNetwork(model)          // a Network: apply, evaluate, train on
 *
 * As a search with a study, events and a budget: `plugins: [abs({ data, target: { bops: 0.02 } })]` over a `superBitSpace`.
 *
 * Takes any `Network` of ours whose forward pass a layer graph can hold (or a `LayerGraph` itself) and data to train on.
 * Returns a `Compression`; its `model` is plain data for exporters:
 * - `model.graph`: a `LayerGraph` without the pruned channels; kernels are those before quantisation, batch norms bear
 *   their running statistics;
 * - `model.layers[i]`: name of the node, bits of `weights` and `activations` (32: floats; the first layer's input stays
 *   in floats), `weightClip`, `activationClip`, `signed` (the input may be negative), `standardise`, `weightScale`;
 * - `model.kept[layer]`: indices of the filters that a pruned layer kept;
 * - `model.bops`, `model.fullBops`.
 * `quantisedWeights(model, name)` gives the codes 0 … 2ᵏ − 1 of a layer's weights with `step` and `low`
 * (value = low + step·code) and the values themselves. An input without a sign is activationClip·code / (2ᵏ − 1) with
 * code = floor((2ᵏ − 1)·clip(x / activationClip, 0, 1) + ½); one with a sign is activationClip·(2·code / (2ᵏ − 1) − 1)
 * with code = floor((2ᵏ − 1)·(clip(x / activationClip, −1, 1) + 1) / 2 + ½).
 */
export {
  currentModel,
  type QuantisedLayer,
  type QuantisedModel,
  quantisedNetwork,
  quantisedWeights,
} from '../../search-spaces/compression/index.ts'
export { multiPathSearch, pruneThenQuantise, randomBits, type TwoStageOptions, uniformBits } from './baselines.ts'
export { type AbsCompressOptions, absCompress } from './compress.ts'
export { deriveModel } from './derive.ts'
export { type FineTuneOptions, fineTune } from './fine-tune.ts'
export type { SearchOptions, SearchProgress } from './options.ts'
export { papers } from './paper.ts'
export { type AbsOptions, abs } from './plugin.ts'
export { type ReadOut, type ReadOutOptions, readOut } from './read-out.ts'
export { type AbsSearchOptions, absSearch, type Compression } from './search.ts'
export { clampThresholds, largestFilterThreshold } from './thresholds.ts'
