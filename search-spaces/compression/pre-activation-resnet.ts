import { optionNames } from '../../core/options/index.ts'
import { type Random, seeded } from '../../core/random.ts'
import { fanOf, varianceScaling } from '../../core/tensor/index.ts'
import { INPUT, type LayerGraph } from './prunable-graph.ts'
import { graphBuilder } from './prunable-published.ts'

export interface PreActivationResNetOptions {
  /** Number of layers, 6n + 2 with n blocks per stage: 8, 14, 20, 56. */
  readonly depth: number
  /** Filters of the three stages. Default 16, 32, 64. */
  readonly widths?: readonly [number, number, number]
  /** Height and width of the images. Default 32. */
  readonly size?: number
  /** Default 10. */
  readonly classes?: number
  readonly rng?: Random
}

const preActivationResNetNames = optionNames<PreActivationResNetOptions>('preActivationResNet', {
  depth: true,
  widths: true,
  size: true,
  classes: true,
  rng: true,
})

/**
 * The pre-activation ResNet for CIFAR that ABS compresses, with newly initialised weights. The first block of a stage
 * applies its activation before the shortcut branches off, the others after it; if shapes change, the shortcut is a
 * 1×1 convolution.
 */
export function preActivationResNet(options: PreActivationResNetOptions): LayerGraph {
  preActivationResNetNames(options)
  const { depth, widths = [16, 32, 64], size = 32, classes = 10, rng = seeded(0) } = options
  const build = graphBuilder(rng)
  const full = (count: number, value: number) => ({ shape: [count], data: new Float32Array(count).fill(value) })
  const activated = (name: string, input: string, channels: number) => {
    const statistics = { mean: full(channels, 0), variance: full(channels, 1), epsilon: 1e-5 }
    const affine = { gamma: full(channels, 1), beta: full(channels, 0) }
    const norm = build.add(`${name}/norm`, { op: 'batch-norm', ...affine, ...statistics }, input)
    return build.add(`${name}/relu`, { op: 'activation', activation: 'relu' }, norm)
  }
  // The standard deviation is √(2 / (k²·filters)).
  const initial = varianceScaling({ scale: 2, mode: 'out', distribution: 'normal' })
  const convolution = (name: string, input: string, shape: readonly [number, number, number], stride = 1) => {
    const [kernel, inputs, filters] = shape
    const dims = [kernel, kernel, inputs, filters]
    const weights = { shape: dims, data: initial(dims, rng.fork(name), fanOf(dims)) }
    const padding = stride === 1 ? 'same' : (kernel - 1) / 2
    return build.add(name, { op: 'convolution', kernel: weights, stride, dilation: 1, padding }, input)
  }
  let channels: number = widths[0]
  let last = convolution('stem', INPUT, [3, 3, channels])
  widths.forEach((filters, stage) => {
    for (let block = 0; block < (depth - 2) / 6; block++) {
      const name = `stage_${stage}_block_${block}`
      const stride = stage > 0 && block === 0 ? 2 : 1
      const active = activated(`${name}/before`, last, channels)
      const inside = convolution(`${name}/conv_1`, active, [3, channels, filters], stride)
      const branch = convolution(`${name}/conv_2`, activated(`${name}/between`, inside, filters), [3, filters, filters])
      const from = block === 0 ? active : last
      const keeps = channels === filters && stride === 1
      const shortcut = keeps ? from : convolution(`${name}/shortcut`, from, [1, channels, filters], stride)
      last = build.add(`${name}/add`, { op: 'add' }, branch, shortcut)
      channels = filters
    }
  })
  const pooled = build.add('pool', { op: 'global-average-pool' }, activated('tail', last, channels))
  const output = build.dense('classifier', pooled, channels, classes)
  return { inputShape: [size, size, 3], nodes: build.nodes, output }
}
