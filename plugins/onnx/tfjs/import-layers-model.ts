/** A tf.js LayersModel folder (Keras 2, Keras 3 or tf.js) as a network. */
import * as tf from '@tensorflow/tfjs-core'
import { quote } from '../../../core/errors.ts'
import { type ApplyMode, seeded } from '../../../core/index.ts'
import { options as declareOptions } from '../../../core/options/index.ts'
import { batchNorm, type VariableScope, variableScope, zeros } from '../../../core/tensor/index.ts'
import {
  checkKerasConfig,
  inputName,
  isKeras3,
  type KerasLayer,
  type KerasModel,
  type KerasWeights,
  kerasActivation,
  kerasBorder,
  kerasModel,
  kerasPair,
  kerasSlope,
  kerasTypes,
  kerasWeights,
  readSavedModel,
  type Weights,
} from '../../../search-spaces/compression/index.ts'
import { error } from '../errors.ts'
import {
  checkedSize,
  computed,
  type ImportedNetwork,
  type ImportOptions,
  importedNetwork,
  importOptions,
  rectified,
} from '../imported-network.ts'

const declared = declareOptions('importLayersModel', importOptions)

/** The function that a layer computes of its inputs. */
type Run = (inputs: readonly tf.Tensor[], mode: ApplyMode) => tf.Tensor
type Unary = (x: tf.Tensor) => tf.Tensor

const refuse = ({ path, type }: KerasLayer, why: string) =>
  error('ARCHLOOM_KERAS_LAYER', { layer: path, type, why, supported: kerasTypes })

const sigmoid6: Unary = (x) => tf.div(tf.relu6(tf.add(x, 3)), 6)

const activations: Readonly<Record<string, Unary>> = {
  linear: (x) => x,
  relu: (x) => tf.relu(x),
  relu6: (x) => tf.relu6(x),
  sigmoid: (x) => tf.sigmoid(x),
  tanh: (x) => tf.tanh(x),
  elu: (x) => tf.elu(x),
  selu: (x) => tf.selu(x),
  softplus: (x) => tf.softplus(x),
  softsign: (x) => tf.div(x, tf.add(tf.abs(x), 1)),
  swish: (x) => tf.mul(x, tf.sigmoid(x)),
  mish: (x) => tf.mul(x, tf.tanh(tf.softplus(x))),
  exponential: (x) => tf.exp(x),
  'leaky-relu': (x) => tf.leakyRelu(x, 0.2),
  gelu: (x) => tf.mul(x, tf.mul(0.5, tf.add(1, tf.erf(tf.mul(x, Math.SQRT1_2))))),
  gelu_new: (x) => {
    const inner = tf.mul(tf.add(x, tf.mul(tf.mul(x, tf.square(x)), 0.044715)), Math.sqrt(2 / Math.PI))
    return tf.mul(tf.mul(x, 0.5), tf.add(1, tf.tanh(inner)))
  },
  hard_sigmoid: (x) => tf.clipByValue(tf.add(tf.mul(x, 0.2), 0.5), 0, 1),
  softmax: (x) => tf.softmax(x),
  log_softmax: (x) => tf.logSoftmax(x),
}
const activationsOfKeras3: Readonly<Record<string, Unary>> = {
  ...activations,
  hard_sigmoid: sigmoid6,
  hard_swish: (x) => tf.mul(x, sigmoid6(x)),
}

/**
 * A LayersModel folder (or model.json) as a network: sequential and functional models, models nested in them, layers
 * used several times, several outputs, weights stored in 8 and 16 bits. It computes exactly what the file describes,
 * including a last softmax. Batch normalisations use the statistics of the batch while training, dropout does nothing,
 * and layers that the file marks as not trainable are not trained.
 * Errors: ARCHLOOM_TFJS_FOLDER; ARCHLOOM_PRUNABLE_MODEL for topologies and weights that are not whole;
 * ARCHLOOM_KERAS_LAYER for a layer, an option or a value that is not read; ARCHLOOM_OPTION, ARCHLOOM_IMPORT_INPUT,
 * ARCHLOOM_IMPORT_NODE.
 */
export async function importLayersModel(path: string | URL, given: ImportOptions = {}): Promise<ImportedNetwork> {
  const options = declared.read(given)
  const saved = await readSavedModel(path, 'layers-model')
  const { source } = saved
  const model = kerasModel(saved.topology)
  if (model.inputs.length !== 1)
    throw error('ARCHLOOM_IMPORT_INPUT', {
      source,
      reason: `it has the inputs ${model.inputs.map(({ name }) => name).join(', ')}`,
      remedy: 'Save a model of one of them',
    })
  for (const { layer } of model.calls) checkKerasConfig(layer, refuse)
  const scope = variableScope({ rng: seeded(1) })
  let layers: ReadonlyMap<KerasLayer, Run>
  try {
    const translation = new Translation(model, kerasWeights(model, saved), scope)
    layers = new Map(model.calls.map(({ layer }) => [layer, translation.of(layer)]))
  } catch (thrown) {
    scope.dispose()
    throw thrown
  }
  const run = (x: tf.Tensor, mode: ApplyMode) => {
    const values = new Map<string, tf.Tensor>([[inputName(0), x]])
    for (const { name, layer, inputs } of model.calls) {
      const read = inputs.map((each) => values.get(each) as tf.Tensor)
      values.set(
        name,
        computed(name, layer.type, () => (layers.get(layer) as Run)(read, mode)),
      )
    }
    return model.outputs.map((each) => values.get(each) as tf.Tensor)
  }
  const outputs = model.outputs.map((name) => (name === inputName(0) ? (model.inputs[0]?.name ?? 'input') : name))
  const inputShape = model.inputs[0]?.shape ?? []
  return importedNetwork({ source, scope, inputShape, outputs: distinct(outputs), run }, options)
}

const distinct = (names: readonly string[]) =>
  names.map((name, i) => (names.indexOf(name) === i ? name : `${name}:${i}`))

const pixels = (x: tf.Tensor): readonly [number, number] => [x.shape[1] as number, x.shape[2] as number]

class Translation {
  private readonly made = new Map<KerasLayer, Run>()
  private readonly activations: Readonly<Record<string, Unary>>
  /** tf.js enlarges from corner to corner of pixels, Keras from centre to centre. */
  private readonly centred: boolean

  constructor(
    { version }: KerasModel,
    private readonly weights: KerasWeights,
    private readonly scope: VariableScope,
  ) {
    this.activations = isKeras3(version) ? activationsOfKeras3 : activations
    this.centred = /^\d/.test(version)
  }

  /** Once for each layer: further uses share its variables. */
  of(layer: KerasLayer): Run {
    const run = this.made.get(layer) ?? this.translate(layer)
    this.made.set(layer, run)
    return run
  }

  private scopeOf({ path }: KerasLayer): VariableScope {
    return path.split('/').reduce((at, part) => (part === '' ? at : at.child(part)), this.scope)
  }

  /** A stored weight of this shape; −1 is any size. */
  private stored(layer: KerasLayer, names: readonly [string, ...string[]], shape?: readonly number[]): Weights {
    const found = this.weights.of(layer, ...names)
    if (shape && (found.shape.length !== shape.length || shape.some((size, i) => size !== -1 && size !== found.shape[i])))
      throw refuse(layer, `${names[0]} of shape [${found.shape.join(', ')}], expected [${shape.join(', ').replaceAll('-1', 'any')}]`) // biome-ignore format: one line
    const index = found.data.findIndex((value) => !Number.isFinite(value))
    if (index >= 0)
      throw refuse(layer, `${names[0]} holds ${found.data[index]} at index ${index}, expected finite numbers`)
    return found
  }

  private variable(layer: KerasLayer, names: readonly [string, ...string[]], shape?: readonly number[]): tf.Variable {
    const weights = this.stored(layer, names, shape)
    const scope = this.scopeOf(layer)
    const variable =
      layer.config.trainable === false
        ? scope.state(names[0], weights.shape, 0)
        : scope.weight(names[0], weights.shape, zeros)
    tf.tidy(() => variable.assign(tf.tensor(weights.data, [...weights.shape], 'float32')))
    return variable
  }

  private bias(layer: KerasLayer, filters: number): Unary {
    if (layer.config.use_bias === false) return (x) => x
    const bias = this.variable(layer, ['bias'], [filters])
    return (x) => tf.add(x, bias)
  }

  private activation(layer: KerasLayer, given = layer.config.activation): Unary {
    const name = kerasActivation(given)
    if (!Object.hasOwn(this.activations, name))
      throw refuse(layer, `activation ${quote(given)}, expected one of ${Object.keys(this.activations).join(', ')}`)
    return this.activations[name] as Unary
  }

  private translate(layer: KerasLayer): Run {
    checkKerasConfig(layer, refuse)
    const { config } = layer
    switch (layer.type) {
      case 'Conv1D':
      case 'Conv2D':
      case 'Conv2DTranspose':
      case 'DepthwiseConv2D':
      case 'SeparableConv2D':
        return this.convolution(layer)
      case 'Dense': {
        const units = config.units as number
        const kernel = this.variable(layer, ['kernel'], [-1, units])
        const [bias, activation] = [this.bias(layer, units), this.activation(layer)]
        return one((x) => {
          const rows = x.rank === 2 ? x : tf.reshape(x, [-1, x.shape.at(-1) as number])
          const y = activation(bias(tf.matMul(rows as tf.Tensor2D, kernel as tf.Tensor as tf.Tensor2D)))
          return x.rank === 2 ? y : tf.reshape(y, [...x.shape.slice(0, -1), units])
        })
      }
      case 'BatchNormalization':
        return this.batchNormalisation(layer)
      case 'LayerNormalization':
        return this.layerNormalisation(layer)
      case 'Activation':
        return one(this.activation(layer))
      case 'ReLU': {
        const { max_value, negative_slope, threshold } = config
        return one(rectifier((max_value ?? null) as number | null, (negative_slope ?? 0) as number, (threshold ?? 0) as number)) // biome-ignore format: one line
      }
      case 'ThresholdedReLU':
        return one(rectifier(null, 0, (config.theta ?? 1) as number))
      case 'LeakyReLU': {
        const slope = kerasSlope(layer)
        return one((x) => tf.leakyRelu(x, slope))
      }
      case 'ELU': {
        const alpha = (config.alpha ?? 1) as number
        if (alpha === 1) return one((x) => tf.elu(x))
        return one((x) => tf.add(tf.relu(x), tf.mul(tf.sub(tf.exp(tf.minimum(x, 0)), 1), alpha)))
      }
      case 'PReLU': {
        const alpha = this.variable(layer, ['alpha'])
        return one((x) => rectified(x, alpha))
      }
      case 'Softmax':
        return one((x) => {
          lastAxis(layer, x)
          return tf.softmax(x)
        })
      case 'Add':
        return merging(layer, tf.add)
      case 'Multiply':
        return merging(layer, tf.mul)
      case 'Maximum':
        return merging(layer, tf.maximum)
      case 'Minimum':
        return merging(layer, tf.minimum)
      case 'Subtract':
        return merging(layer, tf.sub, 2)
      case 'Average': {
        const sum = merging(layer, tf.add)
        return (inputs, mode) => tf.div(sum(inputs, mode), inputs.length)
      }
      case 'Concatenate':
        return (inputs) => {
          const rank = inputs[0]?.rank ?? 0
          const axis = axisOf(layer, config.axis ?? -1, rank)
          return tf.concat([...inputs], axis)
        }
      default:
        return this.withoutWeights(layer)
    }
  }

  private withoutWeights(layer: KerasLayer): Run {
    const { config, type } = layer
    const averages = type.includes('Average')
    switch (type) {
      case 'MaxPooling1D':
      case 'AveragePooling1D':
      case 'MaxPooling2D':
      case 'AveragePooling2D': {
        const flat = type.endsWith('1D')
        const [a, b] = kerasPair(layer, 'pool_size', 2)
        const steps = config.strides == null ? ([a, b] as const) : kerasPair(layer, 'strides', 1)
        const window = flat ? ([1, a] as const) : ([a, b] as const)
        const strides = flat ? ([1, steps[0]] as const) : steps
        const pad = config.padding === 'same' ? 'same' : 'valid'
        return one((x) => {
          const image = (flat ? tf.expandDims(x, 1) : x) as tf.Tensor4D
          const y = averages ? tf.avgPool(image, [...window], [...strides], pad) : tf.maxPool(image, [...window], [...strides], pad) // biome-ignore format: one line
          return flat ? tf.squeeze(y, [1]) : y
        })
      }
      case 'GlobalAveragePooling1D':
      case 'GlobalMaxPooling1D':
      case 'GlobalAveragePooling2D':
      case 'GlobalMaxPooling2D': {
        const axes = type.endsWith('1D') ? [1] : [1, 2]
        const keep = config.keepdims === true || config.keep_dims === true
        return one((x) => {
          if (x.rank !== axes.length + 2) throw refuse(layer, `of an input of shape [${x.shape.join(', ')}]`)
          return averages ? tf.mean(x, axes, keep) : tf.max(x, axes, keep)
        })
      }
      case 'ZeroPadding2D': {
        const [rows, columns] = kerasBorder(layer, 'padding', 1)
        return one((x) => {
          const [height, width] = pixels(x)
          checkedSize(layer.path, type, [height + rows[0] + rows[1], width + columns[0] + columns[1], x.shape[3] ?? 1])
          return tf.pad(x as tf.Tensor4D, [[0, 0], [...rows], [...columns], [0, 0]])
        })
      }
      case 'Cropping2D': {
        const [rows, columns] = kerasBorder(layer, 'cropping', 0)
        return one((x) => {
          const [height, width] = pixels(x)
          const size = [height - rows[0] - rows[1], width - columns[0] - columns[1]]
          if (size.some((each) => each < 1))
            throw refuse(layer, `a cropping that leaves nothing of [${height}, ${width}]`)
          return tf.slice(x, [0, rows[0], columns[0], 0], [-1, ...size, -1])
        })
      }
      case 'UpSampling2D': {
        const [down, across] = kerasPair(layer, 'size', 2)
        return one((x) => {
          const [height, width] = pixels(x)
          const size: [number, number] = [height * down, width * across]
          checkedSize(layer.path, type, [...size, x.shape[3] ?? 1])
          return config.interpolation === 'bilinear'
            ? tf.image.resizeBilinear(x as tf.Tensor4D, size, false, this.centred)
            : tf.image.resizeNearestNeighbor(x as tf.Tensor4D, size)
        })
      }
      case 'Flatten':
        return one((x) => tf.reshape(x, [x.shape[0] as number, x.size / x.shape[0]!]))
      case 'Reshape': {
        const target = config.target_shape
        if (!Array.isArray(target) || !target.every((size) => Number.isInteger(size) && size >= -1 && size !== 0))
          throw refuse(layer, `target_shape ${quote(target)}`)
        return one((x) => tf.reshape(x, [x.shape[0] as number, ...target]))
      }
      case 'Permute': {
        const { dims } = config
        if (!Array.isArray(dims) || [...dims].sort((a, b) => a - b).some((each, i) => each !== i + 1))
          throw refuse(layer, `dims ${quote(dims)}, expected each axis once`)
        return one((x) => tf.transpose(x, [0, ...dims]))
      }
      case 'RepeatVector':
        return one((x) => tf.tile(tf.expandDims(x, 1), [1, config.n as number, 1]))
      case 'Rescaling': {
        const { scale, offset = 0 } = config as { scale: number; offset?: number }
        return one((x) => tf.add(tf.mul(x, scale), offset))
      }
      case 'Dropout':
      case 'SpatialDropout1D':
      case 'SpatialDropout2D':
      case 'GaussianNoise':
      case 'GaussianDropout':
      case 'AlphaDropout':
      case 'ActivityRegularization':
        return one((x) => x)
      default:
        throw refuse(layer, '')
    }
  }

  private convolution(layer: KerasLayer): Run {
    const { config, type } = layer
    const size = kerasPair(layer, 'kernel_size', 1)
    const strides = [...kerasPair(layer, 'strides', 1)] as [number, number]
    const dilations = [...kerasPair(layer, 'dilation_rate', 1)] as [number, number]
    const padding = config.padding === 'same' ? 'same' : 'valid'
    const activation = this.activation(layer)
    const filters = config.filters as number
    const multiplier = (config.depth_multiplier ?? 1) as number
    switch (type) {
      case 'Conv1D': {
        const kernel = this.variable(layer, ['kernel'], [size[0], -1, filters])
        const bias = this.bias(layer, filters)
        const causal = config.padding === 'causal' ? dilations[0] * (size[0] - 1) : 0
        return one((x) => {
          const padded = causal > 0 ? tf.pad(x as tf.Tensor3D, [[0, 0], [causal, 0], [0, 0]]) : x // biome-ignore format: one line
          const image = tf.expandDims(padded, 1) as tf.Tensor4D
          const y = tf.conv2d(image, tf.expandDims(kernel as tf.Tensor, 0) as tf.Tensor4D, [1, strides[0]], padding, 'NHWC', [1, dilations[0]]) // biome-ignore format: one line
          return activation(bias(tf.squeeze(y, [1])))
        })
      }
      case 'Conv2D': {
        const kernel = this.variable(layer, ['kernel'], [...size, -1, filters])
        const bias = this.bias(layer, filters)
        return one((x) => activation(bias(tf.conv2d(x as tf.Tensor4D, kernel as tf.Tensor as tf.Tensor4D, strides, padding, 'NHWC', dilations)))) // biome-ignore format: one line
      }
      case 'Conv2DTranspose': {
        const kernel = this.variable(layer, ['kernel'], [...size, filters, -1])
        const bias = this.bias(layer, filters)
        const along = (length: number, axis: 0 | 1) =>
          length * strides[axis] + (padding === 'same' ? 0 : Math.max(0, size[axis] - strides[axis]))
        return one((x) => {
          const [height, width] = pixels(x)
          const shape = [x.shape[0] as number, along(height, 0), along(width, 1), filters] as const
          checkedSize(layer.path, type, shape)
          return activation(bias(tf.conv2dTranspose(x as tf.Tensor4D, kernel as tf.Tensor as tf.Tensor4D, [...shape], strides, padding))) // biome-ignore format: one line
        })
      }
      case 'DepthwiseConv2D': {
        const kernel = this.variable(layer, ['depthwise_kernel', 'kernel'], [...size, -1, multiplier])
        const bias = this.bias(layer, kernel.shape[2]! * multiplier)
        return one((x) => activation(bias(tf.depthwiseConv2d(x as tf.Tensor4D, kernel as tf.Tensor as tf.Tensor4D, strides, padding, 'NHWC', dilations)))) // biome-ignore format: one line
      }
      default: {
        const depthwise = this.variable(layer, ['depthwise_kernel'], [...size, -1, multiplier])
        const inside = depthwise.shape[2]! * multiplier
        const pointwise = this.variable(layer, ['pointwise_kernel'], [1, 1, inside, filters])
        const bias = this.bias(layer, filters)
        return one((x) => {
          const y = tf.depthwiseConv2d(x as tf.Tensor4D, depthwise as tf.Tensor as tf.Tensor4D, strides, padding, 'NHWC', dilations) // biome-ignore format: one line
          return activation(bias(tf.conv2d(y, pointwise as tf.Tensor as tf.Tensor4D, 1, 'valid')))
        })
      }
    }
  }

  private batchNormalisation(layer: KerasLayer): Run {
    const { config } = layer
    const mean = this.stored(layer, ['moving_mean'], [-1])
    const channels = mean.shape[0] as number
    const filled = (value: number): Weights => ({ shape: [channels], data: new Float32Array(channels).fill(value) })
    const affine = config.scale !== false || config.center !== false
    const part = (name: string) => this.stored(layer, [name], [channels])
    const weights = {
      gamma: config.scale === false ? filled(1) : part('gamma'),
      beta: config.center === false ? filled(0) : part('beta'),
      moving_mean: mean,
      moving_variance: part('moving_variance'),
    }
    const scope = this.scopeOf(layer)
    const epsilon = (config.epsilon ?? 1e-3) as number
    const momentum = (config.momentum ?? 0.99) as number
    const frozen = config.trainable === false
    const normalise = batchNorm(scope, { channels, affine: affine && !frozen, epsilon, momentum })
    const fixed = (['gamma', 'beta'] as const).map((name) => {
      if (!affine || !frozen) return undefined
      return scope.state(name, [channels], 0)
    })
    for (const { path, variable } of scope.list()) {
      const found = Object.entries(weights).find(([name]) => path === scope.pathOf(name))
      if (found) tf.tidy(() => variable.assign(tf.tensor1d(found[1].data)))
    }
    return one((x, mode) => {
      lastAxis(layer, x)
      if ((x.shape.at(-1) as number) !== channels)
        throw refuse(layer, `of ${channels} channels, for an input of shape [${x.shape.join(', ')}]`)
      const rows = x.rank === 3 ? tf.reshape(x, [-1, channels]) : x
      let y = normalise(rows, { ...mode, training: mode.training && !frozen })
      const [gamma, beta] = fixed
      if (gamma && beta) y = tf.add(tf.mul(y, gamma), beta)
      return x.rank === 3 ? tf.reshape(y, x.shape) : y
    })
  }

  private layerNormalisation(layer: KerasLayer): Run {
    const { config } = layer
    const epsilon = (config.epsilon ?? 1e-3) as number
    const gamma = config.scale === false ? undefined : this.variable(layer, ['gamma'], [-1])
    const beta = config.center === false ? undefined : this.variable(layer, ['beta'], [-1])
    return one((x) => {
      lastAxis(layer, x)
      const difference = tf.sub(x, tf.mean(x, -1, true))
      const variance = tf.mean(tf.square(difference), -1, true)
      let y = tf.mul(difference, tf.rsqrt(tf.add(variance, epsilon))) as tf.Tensor
      if (gamma) y = tf.mul(y, gamma)
      return beta ? tf.add(y, beta) : y
    })
  }
}

/** A layer of one input. */
const one =
  (run: (x: tf.Tensor, mode: ApplyMode) => tf.Tensor): Run =>
  ([x, ...others], mode) => {
    if (x === undefined || others.length > 0)
      throw new Error(`it reads ${others.length + (x ? 1 : 0)} inputs, expected one`)
    return run(x, mode)
  }

const merging =
  (layer: KerasLayer, merge: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor, count?: number): Run =>
  ([first, ...others]) => {
    if (first === undefined || others.length === 0 || (count !== undefined && others.length + 1 !== count))
      throw refuse(layer, `of ${first ? others.length + 1 : 0} inputs`)
    return others.reduce((sum, each) => merge(sum, each), first)
  }

function axisOf(layer: KerasLayer, axis: unknown, rank: number): number {
  const at = typeof axis === 'number' && axis < 0 ? axis + rank : axis
  if (!Number.isInteger(at) || (at as number) < 1 || (at as number) >= rank)
    throw refuse(layer, `axis ${quote(axis)} of ${rank} axes`)
  return at as number
}

/** Normalisations and softmax over another axis than the last are not read. */
function lastAxis(layer: KerasLayer, x: tf.Tensor): void {
  const axes = [layer.config.axis ?? -1].flat()
  if (axes.length !== 1 || axisOf(layer, axes[0], x.rank) !== x.rank - 1)
    throw refuse(layer, `axis ${quote(layer.config.axis)}, expected the last`)
}

/** ReLU as Keras defines it: cut above `most`, zero up to `threshold`, and `slope` below it. */
function rectifier(most: number | null, slope: number, threshold: number): Unary {
  return (x) => {
    if (most === null && threshold === 0) return slope === 0 ? tf.relu(x) : tf.leakyRelu(x, slope)
    const above = threshold === 0 ? tf.relu(x) : tf.mul(x, tf.step(tf.sub(x, threshold)))
    const cut = most === null ? above : tf.clipByValue(above, 0, most)
    return slope === 0 ? cut : tf.sub(cut, tf.mul(tf.relu(tf.sub(threshold, x)), slope))
  }
}
