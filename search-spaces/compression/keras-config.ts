/** Checks configurations of Keras layers: every supported key and its supported values; all others are refused. */
import { quote } from '../../core/errors.ts'
import type { KerasLayer } from './keras-model.ts'
import { isObject } from './saved-model.ts'

/** Makes the error that names a layer and says why it cannot be imported. */
export type RefuseLayer = (layer: KerasLayer, why: string) => Error

/** Returns true, or a description of what is expected. */
type Check = (value: unknown, config: KerasLayer['config']) => true | string
const anything: Check = () => true
const only =
  (...values: readonly unknown[]): Check =>
  (value) =>
    values.includes(value) || values.map((each) => quote(each)).join(' or ')
const number: Check = (value) => (typeof value === 'number' && Number.isFinite(value)) || 'a number'
const optionalNumber: Check = (value) => value === null || number(value, {})
const flag: Check = (value) => typeof value === 'boolean' || 'true or false'
const whole = (value: unknown, least = 1): value is number =>
  Number.isInteger(value) && (value as number) >= least && (value as number) <= 65_536
const units: Check = (value) => whole(value) || 'a whole number from 1 to 65,536'
/** One number, or one for each spatial axis. */
const sizes: Check = (value) =>
  whole(value) ||
  (Array.isArray(value) && value.length <= 2 && value.every((size) => whole(size))) ||
  'sizes from 1 to 65,536'
const allOnes: Check = (value) => [value ?? 1].flat().every((each) => each === 1) || '1'
const optionalSizes: Check = (value, config) => value === null || sizes(value, config)
const channelsLast: Check = (value) =>
  value === null || value === 'channels_last' || value === 'channelsLast' || 'channels_last'
const sameOrValid = only('same', 'valid')
const activation: Check = (value) =>
  value === null ||
  typeof value === 'string' ||
  (isObject(value) && activationNameOf(value) !== undefined) ||
  'the name of an activation'
const floats: Check = (value) => {
  // Keras 3 writes a policy, { class_name: 'DTypePolicy', config: { name } }.
  const name = isObject(value) && isObject(value.config) ? value.config.name : value
  return name === null || name === 'float32' || 'float32'
}
const border: Check = (value) => {
  const pair = (each: unknown) =>
    whole(each, 0) || (Array.isArray(each) && each.length === 2 && each.every((size) => whole(size, 0)))
  return whole(value, 0) || (Array.isArray(value) && value.length === 2 && value.every(pair)) || 'sizes of at least 0'
}

/**
 * Keys that every layer may have. Initialisers, regularisers and constraints matter only when training from scratch.
 */
const everywhere: Readonly<Record<string, Check>> = {
  name: anything,
  trainable: flag,
  dtype: floats,
  batch_input_shape: anything,
  batch_shape: anything,
  input_dtype: floats,
  lora_rank: only(null),
  lora_alpha: only(null),
  quantization_config: only(null),
  autocast: flag,
  // Old versions of tf.js write this in addition to batch_input_shape.
  input_shape: anything,
}
const ofTraining = /_(initializer|regularizer|constraint)$/

const kernel = { use_bias: flag, activation, data_format: channelsLast }
const window = { kernel_size: sizes, strides: sizes, dilation_rate: sizes, rank: anything }
const pool = { pool_size: sizes, strides: optionalSizes, padding: sameOrValid, data_format: channelsLast }
const globalPool = { data_format: channelsLast, keepdims: flag, keep_dims: flag }

const merge = {}
const config = {
  InputLayer: { sparse: only(false, null), ragged: only(false, null), optional: only(false, null) },
  Conv1D: { ...kernel, ...window, filters: units, padding: only('same', 'valid', 'causal'), groups: only(1) },
  Conv2D: { ...kernel, ...window, filters: units, padding: sameOrValid, groups: only(1) },
  DepthwiseConv2D: {
    ...kernel,
    ...window,
    depth_multiplier: units,
    padding: sameOrValid,
    groups: only(1),
    filters: only(null),
  },
  SeparableConv2D: { ...kernel, ...window, filters: units, depth_multiplier: units, padding: sameOrValid, groups: only(1) }, // biome-ignore format: one line
  Conv2DTranspose: {
    ...kernel,
    ...window,
    filters: units,
    padding: sameOrValid,
    groups: only(1),
    dilation_rate: allOnes,
    output_padding: only(null),
  },
  Dense: { units, use_bias: flag, activation, input_dim: anything },
  BatchNormalization: {
    axis: anything,
    momentum: number,
    epsilon: number,
    center: flag,
    scale: flag,
    synchronized: only(false, null),
    renorm: only(false, null),
    renorm_clipping: only(null),
    renorm_momentum: anything,
    fused: anything,
    virtual_batch_size: only(null),
  },
  LayerNormalization: { axis: anything, epsilon: number, center: flag, scale: flag, rms_scaling: only(false) },
  Activation: { activation },
  ReLU: { max_value: optionalNumber, negative_slope: optionalNumber, threshold: optionalNumber },
  LeakyReLU: { alpha: number, negative_slope: number },
  PReLU: { shared_axes: anything },
  ELU: { alpha: number },
  ThresholdedReLU: { theta: number },
  Softmax: { axis: anything },
  Add: merge,
  Subtract: merge,
  Multiply: merge,
  Average: merge,
  Maximum: merge,
  Minimum: merge,
  Concatenate: { axis: anything },
  MaxPooling1D: pool,
  AveragePooling1D: pool,
  MaxPooling2D: pool,
  AveragePooling2D: pool,
  GlobalAveragePooling1D: globalPool,
  GlobalMaxPooling1D: globalPool,
  GlobalAveragePooling2D: globalPool,
  GlobalMaxPooling2D: globalPool,
  ZeroPadding2D: { padding: border, data_format: channelsLast },
  Cropping2D: { cropping: border, data_format: channelsLast },
  UpSampling2D: { size: sizes, data_format: channelsLast, interpolation: only('nearest', 'bilinear') },
  Flatten: { data_format: channelsLast },
  Reshape: { target_shape: anything },
  Permute: { dims: anything },
  RepeatVector: { n: units },
  Rescaling: { scale: number, offset: number },
  Dropout: { rate: number, noise_shape: anything, seed: anything },
  SpatialDropout1D: { rate: number, noise_shape: anything, seed: anything },
  SpatialDropout2D: { rate: number, noise_shape: anything, seed: anything, data_format: channelsLast },
  GaussianNoise: { stddev: number, seed: anything },
  GaussianDropout: { rate: number, seed: anything },
  AlphaDropout: { rate: number, noise_shape: anything, seed: anything },
  ActivityRegularization: { l1: anything, l2: anything },
} satisfies Readonly<Record<string, Readonly<Record<string, Check>>>>

export type KerasType = keyof typeof config
export const kerasTypes = Object.keys(config) as readonly KerasType[]

/** Throws the error that `refuse` makes if a type, a key or a value is not supported. */
export function checkKerasConfig(
  layer: KerasLayer,
  refuse: RefuseLayer,
): asserts layer is KerasLayer & { type: KerasType } {
  if (!Object.hasOwn(config, layer.type)) throw refuse(layer, '')
  const known: Readonly<Record<string, Check>> = { ...everywhere, ...config[layer.type as KerasType] }
  for (const [key, value] of Object.entries(layer.config)) {
    if (value === undefined || ofTraining.test(key)) continue
    if (!Object.hasOwn(known, key)) throw refuse(layer, `${key} ${quote(value)} is not supported`)
    const expected = (known[key] as Check)(value, layer.config)
    if (expected !== true) throw refuse(layer, `${key} ${quote(value)}, expected ${expected}`)
  }
}

/** Names of activations in files, with their names here. */
const activationAliases: Readonly<Record<string, string>> = {
  silu: 'swish',
  hardSigmoid: 'hard_sigmoid',
  hard_silu: 'hard_swish',
  leaky_relu: 'leaky-relu',
  leakyRelu: 'leaky-relu',
  logSoftmax: 'log_softmax',
}

function activationNameOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  // Keras 3 may write { class_name, config }, which is accepted only without settings.
  if (
    isObject(value) &&
    typeof value.class_name === 'string' &&
    (!isObject(value.config) || Object.keys(value.config).length === 0)
  )
    // biome-ignore format: one line
    return value.class_name.toLowerCase()
  return typeof (value as { config?: unknown } | null)?.config === 'string' ? String((value as { config: string }).config) : undefined // biome-ignore format: one line
}

/** The activation of a layer; 'linear' if it has none. */
export function kerasActivation(value: unknown): string {
  const name = value === null || value === undefined ? 'linear' : (activationNameOf(value) ?? 'unknown')
  return Object.hasOwn(activationAliases, name) ? (activationAliases[name] as string) : name
}

/** A pair of sizes; a single number means both. */
export function kerasPair(layer: KerasLayer, key: string, fallback: number): readonly [number, number] {
  const value = layer.config[key] ?? fallback
  const [a, b = a] = (Array.isArray(value) ? value : [value]) as number[]
  return [a as number, b as number]
}

/** [[top, bottom], [left, right]] of paddings and croppings. */
export function kerasBorder(layer: KerasLayer, key: string, fallback: number) {
  const value = layer.config[key] ?? fallback
  const pair = (sides: unknown) => (Array.isArray(sides) ? sides : [sides, sides]) as [number, number]
  const [rows, columns] = Array.isArray(value) ? value : [value, value]
  return [pair(rows), pair(columns)] as const
}

/** Slope of LeakyReLU: Keras 3 calls it negative_slope. */
export const kerasSlope = ({ config: { alpha, negative_slope } }: KerasLayer): number =>
  (negative_slope ?? alpha ?? 0.3) as number

/**
 * Whether a version is Keras 3 or later. Its hard_sigmoid is relu6(x + 3) / 6, whereas Keras 2 and tf.js clip 0.2·x +
 * 0.5 to [0, 1].
 */
export const isKeras3 = (version: string): boolean => /^[3-9]\./.test(version)
