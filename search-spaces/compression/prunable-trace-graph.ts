import { error } from './prunable-errors.ts'
import {
  type ActivationName,
  type GraphNode,
  type GraphPadding,
  INPUT,
  type Layer,
  type LayerGraph,
  type Weights,
} from './prunable-graph.ts'

/** One kernel that an engine ran. Tensors are given by their ids. */
export interface Call {
  readonly kernel: string
  readonly inputs: Readonly<Record<string, readonly number[]>>
  readonly attributes: Readonly<Record<string, unknown>>
  readonly outputs: readonly { readonly id: number; readonly shape: readonly number[] }[]
}

/** A tensor that was not made by a kernel: a variable (with its path) or a constant. */
export interface TracedConstant extends Weights {
  readonly name?: string
}

export interface Trace {
  readonly calls: readonly Call[]
  readonly input: number
  readonly output: number
  readonly constants: ReadonlyMap<number, TracedConstant>
  readonly inputShape: readonly number[]
  readonly lastSoftmax: LastSoftmax
}

/** How to treat a softmax at the end of a network. A layer graph gives logits unless the softmax is kept. */
export type LastSoftmax = 'refuse' | 'keep' | 'drop'

/** What a tensor of the trace is in the graph. */
type Meaning =
  /** The output of a node (or the input). */
  | { readonly kind: 'node'; readonly name: string; readonly shape: readonly number[] }
  /** A weight or constant. */
  | ({ readonly kind: 'constant' } & TracedConstant)
  /** A result of arithmetic on weights alone, by its call. */
  | { readonly kind: 'computed'; readonly call: Call }
  /** A feature map reshaped into phases of `stride` rows and columns, an intermediate step of subsampling. */
  | { readonly kind: 'phases'; readonly source: string; readonly stride: number; readonly shape: readonly number[] }

/** A layer without the fields that the builder adds. */
type Made = Layer

const activationKernels: Readonly<Record<string, ActivationName>> = {
  Relu: 'relu',
  Relu6: 'relu6',
  Sigmoid: 'sigmoid',
  Tanh: 'tanh',
  Elu: 'elu',
  LeakyRelu: 'leaky-relu',
  Softplus: 'softplus',
}

const supported = [
  'Conv2D',
  'DepthwiseConv2dNative',
  'BatchMatMul with a weight',
  'Add',
  'ScaleShift (batch normalisation)',
  'Multiply and Add of one number for each channel',
  'Multiply of x and Sigmoid of x (swish)',
  'FusedBatchNorm',
  'Concat of channels',
  'MaxPool',
  'AvgPool',
  'SpatialMean',
  'Mean over height and width',
  'PadV2',
  'Slice of height and width',
  'Reshape to features',
  'ZerosLike',
  ...Object.keys(activationKernels),
]

/** Turns the kernels of a forward pass into layers. Error: ARCHLOOM_PRUNABLE_LAYER. */
export function graphOfCalls({ calls, input, output, constants, inputShape, lastSoftmax }: Trace): LayerGraph {
  const meanings = new Map<number, Meaning>([[input, { kind: 'node', name: INPUT, shape: [1, ...inputShape] }]])
  for (const [id, constant] of constants) meanings.set(id, { kind: 'constant', ...constant })
  const nodes: GraphNode[] = []
  const names = new Set<string>([INPUT])
  /** Number of calls that read each tensor. */
  const readers = new Map<number, number>()
  for (const call of calls)
    for (const id of new Set(Object.values(call.inputs).flat())) readers.set(id, (readers.get(id) ?? 0) + 1)

  const refuse = (call: Call, why: string) =>
    error('ARCHLOOM_PRUNABLE_LAYER', { layer: `operation ${nodes.length}`, type: call.kernel, why, supported })
  const meaningOf = (call: Call, argument: string, index = 0): Meaning => {
    const meaning = meanings.get(call.inputs[argument]?.[index] ?? -1)
    if (!meaning) throw refuse(call, `its input ${argument} is unknown`)
    return meaning
  }
  const unique = (wanted: string) => {
    let name = wanted
    for (let k = 2; names.has(name); k++) name = `${wanted}_${k}`
    names.add(name)
    return name
  }
  const add = (layer: Made, inputs: readonly string[], shape: readonly number[], wanted: string): Meaning => {
    const name = unique(wanted)
    nodes.push({ ...layer, name, inputs })
    return { kind: 'node', name, shape }
  }
  /** The node of a tensor. A constant of zeros becomes a node without inputs. */
  const nodeOf = (call: Call, meaning: Meaning): { name: string; shape: readonly number[] } => {
    if (meaning.kind === 'node') return meaning
    if (meaning.kind === 'constant' && meaning.shape.length > 1 && meaning.data.every((x) => x === 0)) {
      const shape = meaning.shape.slice(1)
      return add({ op: 'zeros', shape }, [], meaning.shape, 'zeros') as {
        name: string
        shape: readonly number[]
      } & Meaning
    }
    throw refuse(call, 'it works on something that is not a feature map')
  }
  const weightsOf = (call: Call, meaning: Meaning, what: string): TracedConstant => {
    if (meaning.kind !== 'constant') throw refuse(call, `its ${what} is not a weight`)
    return meaning
  }
  const pathOf = ({ name }: TracedConstant, fallback: string) => name?.replace(/\/[^/]*$/, '') || fallback

  /** γ, β, μ, σ² and ε of scale = γ/√(σ² + ε), shift = β − μ·scale; a plain scale and shift otherwise. */
  const normalisationOf = (call: Call): { layer: Made; name: string } => {
    const [scale, shift] = [meaningOf(call, 'scale'), meaningOf(call, 'shift')]
    const computed = (meaning: Meaning | undefined, kernel: string) =>
      meaning?.kind === 'computed' && meaning.call.kernel === kernel ? meaning.call : undefined
    const argument = (of: Call | undefined, name: string) => of && meanings.get(of.inputs[name]?.[0] ?? -1)
    const constant = (meaning: Meaning | undefined) => (meaning?.kind === 'constant' ? meaning : undefined)
    const product = computed(scale, 'Multiply')
    const gamma = constant(argument(product, 'a'))
    const sum = computed(argument(computed(product ? argument(product, 'b') : scale, 'Rsqrt'), 'x'), 'Add')
    const [variance, epsilon] = [constant(argument(sum, 'a')), constant(argument(sum, 'b'))]
    const difference = computed(shift, 'Sub')
    const beta = constant(argument(difference, 'a'))
    const mean = constant(argument(computed(argument(difference, 'b'), 'Multiply'), 'a'))
    if (!variance || !epsilon || !mean || (product && !gamma))
      throw refuse(call, 'its scale and shift are not those of a batch normalisation')
    const layer: Made = {
      op: 'batch-norm',
      mean: plain(mean),
      variance: plain(variance),
      epsilon: round(epsilon.data[0]!),
      ...(gamma && { gamma: plain(gamma) }),
      ...(beta && beta.shape.length === 1 && { beta: plain(beta) }),
    }
    return { layer, name: pathOf(mean, 'batch_norm') }
  }

  const translate = (call: Call): Meaning => {
    const { kernel, attributes } = call
    const shape = call.outputs[0]?.shape ?? []
    const square = (what: unknown): number => {
      const [a = 1, b = a] = (Array.isArray(what) ? what : [what]) as number[]
      if (a !== b) throw refuse(call, `steps of [${a}, ${b}] differ in height and width`)
      return a
    }
    const padding = (): GraphPadding => {
      const { pad } = attributes
      if (pad !== 'same' && pad !== 'valid' && typeof pad !== 'number') throw refuse(call, 'explicit padding')
      return pad
    }
    const activation = activationKernels[kernel]
    if (activation) {
      const x = nodeOf(call, meaningOf(call, kernel === 'Softplus' || 'x' in call.inputs ? 'x' : 'features'))
      const { alpha } = attributes
      const own = typeof alpha === 'number' ? { alpha } : {}
      return add({ op: 'activation', activation, ...own }, [x.name], shape, `${x.name}/${activation}`)
    }
    switch (kernel) {
      case 'Conv2D':
      case 'DepthwiseConv2dNative': {
        const x = nodeOf(call, meaningOf(call, 'x'))
        const weights = weightsOf(call, meaningOf(call, 'filter'), 'filter')
        const op = kernel === 'Conv2D' ? 'convolution' : 'depthwise-convolution'
        const sliding = {
          stride: square(attributes.strides),
          dilation: square(attributes.dilations),
          padding: padding(),
        }
        return add({ op, kernel: plain(weights), ...sliding }, [x.name], shape, pathOf(weights, op))
      }
      case 'BatchMatMul': {
        if (attributes.transposeA || attributes.transposeB) throw refuse(call, 'transposed arguments')
        const x = nodeOf(call, meaningOf(call, 'a'))
        const weights = weightsOf(call, meaningOf(call, 'b'), 'second argument')
        return add({ op: 'dense', kernel: plain(weights) }, [x.name], shape, pathOf(weights, 'dense'))
      }
      case 'ScaleShift': {
        const x = nodeOf(call, meaningOf(call, 'x'))
        const { layer, name } = normalisationOf(call)
        const normalised = add(layer, [x.name], shape, name) as Meaning & { name: string }
        if (!attributes.relu) return normalised
        const relu = { op: 'activation', activation: 'relu' } as const
        return add(relu, [normalised.name], shape, `${normalised.name}/relu`)
      }
      case 'FusedBatchNorm': {
        const x = nodeOf(call, meaningOf(call, 'x'))
        const of = (argument: string) => plain(weightsOf(call, meaningOf(call, argument), argument))
        const layer: Made = {
          op: 'batch-norm',
          mean: of('mean'),
          variance: of('variance'),
          epsilon: attributes.varianceEpsilon as number,
          ...('scale' in call.inputs && { gamma: of('scale') }),
          ...('offset' in call.inputs && { beta: of('offset') }),
        }
        return add(layer, [x.name], shape, pathOf(weightsOf(call, meaningOf(call, 'mean'), 'mean'), 'batch_norm'))
      }
      case 'Add': {
        const [a, b] = [meaningOf(call, 'a'), meaningOf(call, 'b')]
        const shifted = affine(call, 'shift', shape)
        if (shifted) return shifted
        const [first, second] = [nodeOf(call, a), nodeOf(call, b)]
        if (first.shape.join() !== second.shape.join()) throw refuse(call, 'its arguments differ in shape')
        return add({ op: 'add' }, [first.name, second.name], shape, 'add')
      }
      case 'Multiply': {
        const scaled = affine(call, 'scale', shape)
        if (scaled) return scaled
        const [a, b] = [nodeOf(call, meaningOf(call, 'a')), nodeOf(call, meaningOf(call, 'b'))]
        const gateOf = (x: string, gate: string) =>
          nodes.find(
            (node) =>
              node.name === gate && node.op === 'activation' && node.activation === 'sigmoid' && node.inputs[0] === x,
          )
        const x = gateOf(a.name, b.name) ? a : gateOf(b.name, a.name) ? b : undefined
        if (!x) throw refuse(call, 'of two feature maps')
        return add({ op: 'activation', activation: 'swish' }, [x.name], shape, `${x.name}/swish`)
      }
      case 'Softmax': {
        const x = nodeOf(call, meaningOf(call, 'logits'))
        if (lastSoftmax === 'refuse' || call.outputs[0]?.id !== output) throw refuse(call, 'it is not left out here')
        if (lastSoftmax === 'drop') return { ...x, kind: 'node' }
        return add({ op: 'activation', activation: 'softmax' }, [x.name], shape, `${x.name}/softmax`)
      }
      case 'Concat': {
        const parts = (call.inputs.inputs ?? Object.values(call.inputs).flat()).map((id) =>
          nodeOf(call, meanings.get(id) as Meaning),
        )
        if (attributes.axis !== shape.length - 1) throw refuse(call, 'along another axis than channels')
        return add(
          { op: 'concat' },
          parts.map(({ name }) => name),
          shape,
          'concat',
        )
      }
      case 'MaxPool':
      case 'AvgPool': {
        const x = nodeOf(call, meaningOf(call, 'x'))
        const [height = 1, width = height] = [attributes.filterSize].flat() as number[]
        const op = kernel === 'MaxPool' ? 'max-pool' : 'average-pool'
        const window = { kernel: [height, width], stride: square(attributes.strides), padding: padding() } as const
        return add({ op, ...window }, [x.name], shape, op.replace('-', '_'))
      }
      case 'SpatialMean':
      case 'Mean': {
        const x = nodeOf(call, meaningOf(call, 'x'))
        const axes = kernel === 'Mean' ? [attributes.axis].flat().join() : '1,2'
        // The result may keep the reduced axes or not.
        if (axes !== '1,2' || x.shape.length !== 4) throw refuse(call, `over axes ${axes}`)
        return add({ op: 'global-average-pool' }, [x.name], shape, 'global_average_pool')
      }
      case 'Identity':
      case 'Cast':
        return meaningOf(call, 'x')
      case 'ZerosLike':
        return add({ op: 'zeros', shape: shape.slice(1) }, [], shape, 'zeros')
      case 'Reshape':
        return reshaped(call, shape)
      case 'PadV2':
        return padded(call, shape)
      case 'Slice':
        return sliced(call, shape)
      default:
        throw refuse(call, '')
    }
  }

  /**
   * A feature map multiplied by, or added to, one number per channel. It becomes a part of the previous layer if
   * nothing else reads that layer, otherwise a separate layer. Undefined if neither argument is a constant.
   */
  function affine(call: Call, what: 'scale' | 'shift', shape: readonly number[]): Meaning | undefined {
    const [a, b] = [meaningOf(call, 'a'), meaningOf(call, 'b')]
    const [x, constant, id] = a.kind === 'node' ? [a, b, call.inputs.a?.[0]] : [b, a, call.inputs.b?.[0]]
    if (x.kind !== 'node' || constant.kind !== 'constant') return undefined
    const channels = shape.at(-1) as number
    const one = constant.data.length === 1
    const perChannel = constant.shape.every((size, axis) => size === 1 || (axis === constant.shape.length - 1 && size === channels)) // biome-ignore format: one line
    // A feature map of zeros is a node without inputs; other constant feature maps are not supported.
    if (!perChannel || constant.shape.length > shape.length || x.shape.join() !== shape.join()) return undefined
    const values = Float32Array.from({ length: channels }, (_, c) => constant.data[one ? 0 : c] as number)
    const at = nodes.findIndex(({ name }) => name === x.name)
    const layer = nodes[at]
    const alone = (readers.get(id as number) ?? 0) === 1
    const mixes = layer?.op === 'convolution' || layer?.op === 'depthwise-convolution' || layer?.op === 'dense'
    if (mixes && alone) {
      const { kernel, bias } = layer
      const old = bias?.data ?? new Float32Array(channels)
      nodes[at] =
        what === 'shift'
          ? { ...layer, bias: { shape: [channels], data: old.map((value, c) => value + values[c]!) } }
          : {
              ...layer,
              kernel: { ...kernel, data: kernel.data.map((value, i) => value * values[i % channels]!) },
              ...(bias && { bias: { ...bias, data: bias.data.map((value, c) => value * values[c]!) } }),
            }
      return x
    }
    if (shape.length !== 4) return undefined
    const filled = (value: number) => new Float32Array(channels).fill(value)
    const kernel = { shape: [1, 1, channels, 1], data: what === 'scale' ? values : filled(1) }
    const bias = { shape: [channels], data: what === 'shift' ? values : filled(0) }
    const own = { op: 'depthwise-convolution', kernel, bias, stride: 1, dilation: 1, padding: 'valid' } as const
    return add(own, [x.name], shape, what)
  }

  function reshaped(call: Call, shape: readonly number[]): Meaning {
    const x = meaningOf(call, 'x')
    if (x.kind === 'phases') {
      const name = add({ op: 'subsample', stride: x.stride }, [x.source], shape, 'subsample') as Meaning & {
        name: string
      }
      return name
    }
    if (x.kind !== 'node') throw refuse(call, 'of something that is not a feature map')
    if (shape.join() === x.shape.join()) return x
    if (shape.length === 2 && shape[0] === 1) return add({ op: 'flatten' }, [x.name], shape, 'flatten')
    const [, height = 0, width = 0, channels = 0] = x.shape
    const [rows = 0, down = 0, columns = 0, rest = 0] = shape
    // The shape [h/s, s, w/s, s·c], from which every s-th row and column is read.
    if (x.shape.length === 4 && rows * down === height && columns * down === width && rest === down * channels)
      return { kind: 'phases', source: x.name, stride: down, shape }
    throw refuse(call, `to [${shape.join(', ')}]`)
  }

  function padded(call: Call, shape: readonly number[]): Meaning {
    const x = nodeOf(call, meaningOf(call, 'x'))
    const sides = call.attributes.paddings as readonly (readonly [number, number])[]
    if (((call.attributes.constantValue as number | undefined) ?? 0) !== 0)
      throw refuse(call, 'with values other than 0')
    const [, [top, bottom] = [0, 0], [left, right] = [0, 0]] = sides
    const [before, after] = sides.at(-1) ?? [0, 0]
    const spatial = top + bottom + left + right > 0
    if (sides.length === 4 && spatial && before + after === 0)
      return add({ op: 'zero-pad', top, bottom, left, right }, [x.name], shape, 'zero_pad')
    if (!spatial || sides.length === 2)
      return add({ op: 'pad-channels', before, after }, [x.name], shape, 'pad_channels')
    throw refuse(call, 'of space and channels at once')
  }

  function sliced(call: Call, shape: readonly number[]): Meaning {
    const x = meaningOf(call, 'x')
    if (x.kind === 'phases') {
      const begins = call.attributes.begin as readonly number[]
      if (begins.some((begin) => begin !== 0)) throw refuse(call, 'of other than the first rows and columns')
      return { ...x, shape }
    }
    const { name, shape: before } = nodeOf(call, x)
    const [, top = 0, left = 0, channel = 0] = call.attributes.begin as readonly number[]
    const [, height = 0, width = 0, channels = 0] = shape
    if (shape.length !== 4 || channel !== 0 || channels !== before[3]) throw refuse(call, 'of channels')
    return add({ op: 'crop', top, left, height, width }, [name], shape, 'crop')
  }

  for (const call of calls) {
    const used = Object.values(call.inputs).flat()
    const onWeights =
      used.length > 0 && used.every((id) => ['constant', 'computed'].includes(meanings.get(id)?.kind ?? ''))
    // Arithmetic on weights is interpreted where its result is used; only zeros may replace a feature map.
    const meaning: Meaning =
      onWeights && ['Add', 'Multiply', 'Sub', 'Rsqrt', 'Identity'].includes(call.kernel) && isVector(call)
        ? { kind: 'computed', call }
        : translate(call)
    for (const { id } of call.outputs) meanings.set(id, meaning)
  }
  const last = meanings.get(output)
  if (last?.kind !== 'node')
    throw error('ARCHLOOM_PRUNABLE_GRAPH', { node: 'output', why: 'the network returns no result of its layers' })
  return reachable({ inputShape, nodes, output: last.name })
}

const isVector = ({ outputs }: Call) => outputs.every(({ shape }) => shape.length <= 1)
const plain = ({ shape, data }: TracedConstant): Weights => ({ shape, data })
/** Rounds ε, which was converted to float32. */
const round = (value: number) => Number(value.toPrecision(6))

/** Keeps only the nodes that the output depends on. */
function reachable(graph: LayerGraph): LayerGraph {
  const needed = new Set([graph.output])
  for (const { name, inputs } of graph.nodes.toReversed())
    if (needed.has(name)) for (const each of inputs) needed.add(each)
  return { ...graph, nodes: graph.nodes.filter(({ name }) => needed.has(name)) }
}
