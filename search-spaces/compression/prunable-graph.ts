/**
 * A network as plain data: layers in topological order with their weights. It can be pruned, counted, exported and
 * built again as a `Network`. All tensors are [batch, height, width, channels] or [batch, features].
 */

/** Row-major values with their shape. */
export interface Weights {
  readonly shape: readonly number[]
  readonly data: Float32Array
}

/** 'same' and 'valid' as in TensorFlow; a number pads every side with that many zeros. */
export type GraphPadding = 'same' | 'valid' | number

export interface Window {
  readonly kernel: readonly [height: number, width: number]
  readonly stride: number
  readonly padding: GraphPadding
}

export const activationNames = [
  'relu',
  'relu6',
  'sigmoid',
  'tanh',
  'elu',
  'leaky-relu',
  'softplus',
  'swish',
  'softmax',
] as const
export type ActivationName = (typeof activationNames)[number]

export interface ConvolutionNode {
  readonly op: 'convolution'
  /** [height, width, channels in, filters]. */
  readonly kernel: Weights
  /** [filters]. */
  readonly bias?: Weights
  readonly stride: number
  readonly dilation: number
  readonly padding: GraphPadding
}

export interface DepthwiseNode {
  readonly op: 'depthwise-convolution'
  /** [height, width, channels, multiplier]; output channel c·multiplier + m comes from input channel c. */
  readonly kernel: Weights
  readonly bias?: Weights
  readonly stride: number
  readonly dilation: number
  readonly padding: GraphPadding
}

export interface DenseNode {
  readonly op: 'dense'
  /** [features in, units]. */
  readonly kernel: Weights
  readonly bias?: Weights
}

/** gamma · (x − mean) / √(variance + epsilon) + beta per channel, with running statistics. */
export interface BatchNormNode {
  readonly op: 'batch-norm'
  readonly gamma?: Weights
  readonly beta?: Weights
  readonly mean: Weights
  readonly variance: Weights
  readonly epsilon: number
}

export interface ActivationNode {
  readonly op: 'activation'
  readonly activation: ActivationName
  /** Slope below 0 of leaky-relu, scale of elu. */
  readonly alpha?: number
}

export interface PoolNode extends Window {
  /** Average pooling does not count padding. */
  readonly op: 'max-pool' | 'average-pool'
}

/** Pads with rows and columns of zeros. */
export interface ZeroPadNode {
  readonly op: 'zero-pad'
  readonly top: number
  readonly bottom: number
  readonly left: number
  readonly right: number
}

/** Cuts out a part of the height and width. */
export interface CropNode {
  readonly op: 'crop'
  readonly top: number
  readonly left: number
  readonly height: number
  readonly width: number
}

export type Layer =
  | ConvolutionNode
  | DepthwiseNode
  | DenseNode
  | BatchNormNode
  | ActivationNode
  | PoolNode
  | ZeroPadNode
  | CropNode
  /** Sum of two or more inputs of one shape. */
  | { readonly op: 'add' }
  /** Concatenation of the channels of the inputs. */
  | { readonly op: 'concat' }
  /** [h, w, c] → [c]: mean over all positions. */
  | { readonly op: 'global-average-pool' }
  /** [h, w, c] → [h·w·c], row-major. */
  | { readonly op: 'flatten' }
  /** Every stride-th row and column, starting with the first. */
  | { readonly op: 'subsample'; readonly stride: number }
  /** Adds channels of zeros before and after. */
  | { readonly op: 'pad-channels'; readonly before: number; readonly after: number }
  /** No connection: zeros of this shape (without the batch). No inputs. */
  | { readonly op: 'zeros'; readonly shape: readonly number[] }

export type GraphNode = Layer & {
  /** A unique name; a path as in 'cell_0/conv'. */
  readonly name: string
  /** Names of nodes before this one, or 'input'. */
  readonly inputs: readonly string[]
}

export interface LayerGraph {
  /** Shape of one input: [height, width, channels]. */
  readonly inputShape: readonly number[]
  /** In topological order. */
  readonly nodes: readonly GraphNode[]
  /** The node whose output is that of the network: logits [classes] for classifiers. */
  readonly output: string
}

/** The name by which nodes refer to the network's input. */
export const INPUT = 'input'

/** A node that multiplies its input with a kernel and mixes all its channels. */
export type MixingNode = GraphNode & (ConvolutionNode | DenseNode)

export const isMixing = (node: GraphNode): node is MixingNode => node.op === 'convolution' || node.op === 'dense'

/** A node with a kernel. */
export type KernelNode = GraphNode & (ConvolutionNode | DepthwiseNode | DenseNode)

export const hasKernel = (node: GraphNode): node is KernelNode => isMixing(node) || node.op === 'depthwise-convolution'

/** Channels (or features) that a mixing node reads and writes. */
export const channelsIn = ({ kernel }: MixingNode): number => kernel.shape.at(-2) as number
export const channelsOut = ({ kernel }: MixingNode): number => kernel.shape.at(-1) as number
