import { optionNames } from '../../core/options/index.ts'
import { type Random, seeded } from '../../core/random.ts'
import { fanInUniform, fanOf, heNormal } from '../../core/tensor/index.ts'
import { type GraphNode, INPUT, type Layer, type LayerGraph, type Weights } from './prunable-graph.ts'

/** Builds a graph layer by layer. Every method returns the name of the node that it added. */
export interface GraphBuilder {
  readonly nodes: readonly GraphNode[]
  add(name: string, layer: Layer, ...inputs: string[]): string
  /** Adds a convolution without bias, a normalisation and (by default) a ReLU. */
  convolution(name: string, input: string, shape: ConvolutionShape): string
  dense(name: string, input: string, inputs: number, units: number): string
}

export interface ConvolutionShape {
  readonly channelsIn: number
  readonly filters: number
  readonly kernel?: number
  readonly stride?: number
  readonly relu?: boolean
  readonly bias?: boolean
  readonly normalise?: boolean
}

const filled = (shape: readonly number[], value: number): Weights => ({
  shape,
  data: new Float32Array(shape.reduce((product, size) => product * size, 1)).fill(value),
})

/** Makes a builder of graphs with newly initialised weights (He normal kernels, initial running statistics). */
export function graphBuilder(rng: Random): GraphBuilder {
  const nodes: GraphNode[] = []
  const add: GraphBuilder['add'] = (name, layer, ...inputs) => {
    nodes.push({ ...layer, name, inputs })
    return name
  }
  return {
    nodes,
    add,
    convolution(name, input, options) {
      const { channelsIn, filters, kernel = 3, stride = 1, relu = true, bias = false, normalise = true } = options
      const shape = [kernel, kernel, channelsIn, filters]
      const weights = { shape, data: heNormal()(shape, rng.fork(name), fanOf(shape)) }
      // Strided layers pad evenly, as in the published networks.
      const sliding = { stride, dilation: 1, padding: stride === 1 ? ('same' as const) : (kernel - 1) / 2 }
      let last = add(
        name,
        { op: 'convolution', kernel: weights, ...(bias && { bias: filled([filters], 0) }), ...sliding },
        input,
      )
      if (normalise)
        last = add(
          `${name}/norm`,
          {
            op: 'batch-norm',
            gamma: filled([filters], 1),
            beta: filled([filters], 0),
            mean: filled([filters], 0),
            variance: filled([filters], 1),
            epsilon: 1e-5,
          },
          last,
        )
      return relu ? add(`${name}/relu`, { op: 'activation', activation: 'relu' }, last) : last
    },
    dense(name, input, inputs, units) {
      const shape = [inputs, units]
      const kernel = { shape, data: fanInUniform()(shape, rng.fork(name), fanOf(shape)) }
      return add(name, { op: 'dense', kernel, bias: filled([units], 0) }, input)
    },
  }
}

export interface ResNetOptions {
  /** Number of layers, 6n + 2. */
  readonly depth: number
  /** Filters of the three stages. Default 16, 32, 64. */
  readonly widths?: readonly [number, number, number]
  /** The shortcut between stages: a 1×1 convolution, or every second pixel with added channels of zeros. */
  readonly shortcut?: 'convolution' | 'identity'
  /** Height and width of the images. Default 32. */
  readonly size?: number
  readonly classes?: number
  readonly rng?: Random
}

const resNetGraphNames = optionNames<ResNetOptions>('resNetGraph', {
  depth: true,
  widths: true,
  shortcut: true,
  size: true,
  classes: true,
  rng: true,
})

/** The residual network for CIFAR of He et al. (arXiv:1512.03385, §4.2), with newly initialised weights. */
export function resNetGraph(options: ResNetOptions): LayerGraph {
  resNetGraphNames(options)
  const { depth, widths = [16, 32, 64], shortcut = 'convolution', size = 32, classes = 10 } = options
  const build = graphBuilder(options.rng ?? seeded(0))
  const blocks = (depth - 2) / 6
  let last = build.convolution('stem', INPUT, { channelsIn: 3, filters: widths[0] })
  let channelsIn: number = widths[0]
  widths.forEach((filters, stage) => {
    for (let block = 0; block < blocks; block++) {
      const name = `stage_${stage}_block_${block}`
      const stride = stage > 0 && block === 0 ? 2 : 1
      const inside = build.convolution(`${name}/conv_1`, last, { channelsIn, filters, stride })
      const branch = build.convolution(`${name}/conv_2`, inside, { channelsIn: filters, filters, relu: false })
      if (stride !== 1 && shortcut === 'convolution')
        last = build.convolution(`${name}/shortcut`, last, { channelsIn, filters, kernel: 1, stride, relu: false })
      else if (stride !== 1) {
        const some = build.add(`${name}/subsample`, { op: 'subsample', stride }, last)
        const before = Math.floor((filters - channelsIn) / 2)
        const after = filters - channelsIn - before
        last = build.add(`${name}/pad`, { op: 'pad-channels', before, after }, some)
      }
      const sum = build.add(`${name}/add`, { op: 'add' }, branch, last)
      last = build.add(`${name}/relu`, { op: 'activation', activation: 'relu' }, sum)
      channelsIn = filters
    }
  })
  const pooled = build.add('pool', { op: 'global-average-pool' }, last)
  const output = build.dense('classifier', pooled, channelsIn, classes)
  return { inputShape: [size, size, 3], nodes: build.nodes, output }
}

export interface VggOptions {
  /** Filters of each convolution; 'pool' halves height and width. Default: the 13 convolutions of VGG-16. */
  readonly layers?: readonly (number | 'pool')[]
  readonly size?: number
  readonly classes?: number
  readonly rng?: Random
}

const vgg16Layers = [
  64,
  64,
  'pool',
  128,
  128,
  'pool',
  256,
  256,
  256,
  'pool',
  512,
  512,
  512,
  'pool',
  512,
  512,
  512,
] as const

const vggGraphNames = optionNames<VggOptions>('vggGraph', { layers: true, size: true, classes: true, rng: true })

/**
 * VGG-16 for CIFAR (Simonyan and Zisserman, arXiv:1409.1556, with normalisation), with one dense layer and newly
 * initialised weights.
 */
export function vggGraph(given: VggOptions = {}): LayerGraph {
  const { layers = vgg16Layers, size = 32, classes = 10, rng } = vggGraphNames(given)
  const build = graphBuilder(rng ?? seeded(0))
  let [last, channelsIn, count] = [INPUT, 3, 0]
  for (const layer of layers) {
    const at = count++
    if (layer === 'pool')
      last = build.add(`pool_${at}`, { op: 'max-pool', kernel: [2, 2], stride: 2, padding: 'valid' }, last)
    else {
      last = build.convolution(`conv_${at}`, last, { channelsIn, filters: layer })
      channelsIn = layer
    }
  }
  last = build.add('pool', { op: 'global-average-pool' }, last)
  const output = build.dense('classifier', last, channelsIn, classes)
  return { inputShape: [size, size, 3], nodes: build.nodes, output }
}
