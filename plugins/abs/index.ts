/**
 * Automatic bit sharing: bit-widths of weights and activations and pruned filters of a trained classifier, searched
 * together in one network.
 *
 *     const { model, share } = await absCompress(network, { data, target: { bops: 0.02 } })
 *     using small = quantisedNetwork(model)          // a Network: apply, evaluate, train on
 *
 * As a search with a study, events and a budget: `plugins: [abs({ data, target: { bops: 0.02 } })]` over a `superBitSpace`.
 *
 * It accepts any `Network` whose forward pass can be converted to a layer graph (or a `LayerGraph`) and training data.
 * It returns a `Compression`, whose `model` is plain data for exporters:
 * - `model.graph`: a `LayerGraph` without the pruned channels; kernels are those before quantisation, and batch norms have their running statistics;
 * - `model.layers[i]`: name of the node, bits of `weights` and `activations` (32 for floating point; the input of the first layer is not quantised), `weightClip`, `activationClip`, `signed` (the input may be negative), `standardise`, `weightScale`;
 * - `model.kept[layer]`: indices of the filters that a pruned layer kept;
 * - `model.bops`, `model.fullBops`.
 * `quantisedWeights(model, name)` returns the codes 0 … 2ᵏ − 1 of a layer's weights with `step` and `low` (value = low
 * + step·code), and the values themselves. A non-negative input is activationClip·code / (2ᵏ − 1) with code =
 * floor((2ᵏ − 1)·clip(x / activationClip, 0, 1) + ½); an input that may be negative is activationClip·(2·code / (2ᵏ −
 * 1) − 1) with code = floor((2ᵏ − 1)·(clip(x / activationClip, −1, 1) + 1) / 2 + ½).
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
export type { BopsTarget, SearchOptions, SearchProgress } from './options.ts'
export { papers } from './paper.ts'
export { type AbsOptions, abs } from './plugin.ts'
export { type ReadOut, type ReadOutOptions, readOut } from './read-out.ts'
export { type AbsSearchOptions, absSearch, type Compression } from './search.ts'
export { clampThresholds, largestFilterThreshold } from './thresholds.ts'
