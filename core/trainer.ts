import type { Optimizer, Scalar, Tensor, Variable } from '@tensorflow/tfjs-core'
import type { Random } from './random.ts'
import type { Json } from './space/decision.ts'

declare const role: unique symbol
export type SplitRole = 'train' | 'validation' | 'test'

/** One mini-batch. The receiver disposes it (or uses it inside a tidy). */
export interface Batch {
  /** Inputs, [batch, height, width, channels] for images. */
  readonly inputs: Tensor
  /** Targets: int32 class indices [batch], or images [batch, H, W, C]. */
  readonly targets: Tensor
}

export interface BatchOptions {
  readonly batchSize: number
  /**
   * Generator that shuffles the examples (and augments them, if the split augments). Without it they come in stored
   * order.
   */
  readonly rng?: Random
  /** Drop a last batch smaller than batchSize. Default false. */
  readonly dropRemainder?: boolean
}

/** A branded part of a data set: a `Split<'test'>` cannot be passed where selection happens. */
export interface Split<R extends SplitRole = SplitRole> {
  readonly [role]?: R
  readonly role: R
  /** Number of examples. */
  readonly size: number
  /** Shape of one input, without the batch: [height, width, channels]. */
  readonly inputShape: readonly number[]
  /** Number of classes (0 when targets are not classes). */
  readonly classes: number
  batches(options: BatchOptions): Iterable<Batch>
}

/** Where examples came from: the folder ARCHLOOM_DATA, the cache, a new download, a generator, or the caller. */
export type DatasetSource = 'archloom-data' | 'cache' | 'download' | 'generated' | 'own'

/** Train and validation data for a search, with the test part kept apart. */
export interface Dataset {
  readonly name: string
  readonly source?: DatasetSource
  /** What a program should tell the user together with results: missing files, conversions, substitute data. */
  readonly notes?: readonly string[]
  readonly train: Split<'train'>
  readonly validation: Split<'validation'>
  readonly test: Split<'test'>
  readonly classNames?: readonly string[]
}

/** The geometry of a linear layer, which determines how its input unfolds into the rows that the kernel multiplies. */
export type LinearGeometry =
  | { readonly kind: 'dense' }
  | {
      readonly kind: 'convolution' | 'depthwise-convolution' | 'transposed-convolution'
      /** Height and width of the kernel. */
      readonly kernel: readonly [number, number]
      readonly stride: number
      readonly dilation: number
      /** A number pads every side with that many zeros. */
      readonly padding: 'same' | 'valid' | number
      readonly groups: number
    }

/** One use of a linear layer while training: kernel and input are tensors of the running step; copy what you keep. */
export interface LinearTap {
  /** Path of the kernel in its scope. */
  readonly name: string
  readonly kernel: Variable
  /**
   * The bias that is added to the product, if the layer has one. It acts like the kernel of an additional constant
   * input 1.
   */
  readonly bias?: Variable
  /** [batch, height, width, channels], or [batch, features] for dense layers. */
  readonly input: Tensor
  readonly geometry: LinearGeometry
}

/** How a network is applied to a batch. */
export interface ApplyMode {
  /** Batch statistics, dropout and drop-path are on only while training. */
  readonly training: boolean
  /** Needed by dropout and drop-path while training. */
  readonly rng?: Random
  /** Probability of dropping a path, for networks that have drop-path. */
  readonly dropPath?: number
  /** Called by every linear layer while training, for optimizers that need the inputs of layers. */
  readonly tap?: (use: LinearTap) => void
}

/** A built tfjs model. Owns its variables: dispose it (or hold it with `using`). */
export interface Network extends Disposable {
  /** Shape of one input, without the batch. */
  readonly inputShape: readonly number[]
  readonly outputShape: readonly number[]
  /** The variables that the optimizer updates. */
  readonly trainable: readonly Variable[]
  /** Running statistics and other state that is saved but not trained. */
  readonly state: readonly Variable[]
  /** [batch, ...inputShape] → [batch, ...outputShape]; logits for classifiers. Call inside a tidy. */
  apply(inputs: Tensor, mode: ApplyMode): Tensor
  /** Auxiliary logits of the last `apply` in training mode, for networks that have an auxiliary head. */
  readonly auxiliary?: { readonly weight: number; logits(): Tensor | undefined }
}

/** One saved variable: plain data. Names are paths that stay the same from process to process. */
export interface SavedWeight {
  readonly name: string
  readonly shape: readonly number[]
  readonly data: Float32Array
}

/** One network that holds every option of a space: architectures share its weights. */
export interface Supernet<A = unknown> extends Disposable {
  readonly inputShape: readonly number[]
  readonly outputShape: readonly number[]
  /** Every weight of every option. */
  readonly trainable: readonly Variable[]
  readonly state: readonly Variable[]
  /**
   * One architecture as a network: only its operations are computed, and only their weights are in `trainable`. Making
   * one costs nothing and disposing it does nothing, because the supernet owns the weights.
   */
  path(architecture: A): Network
  /** All options at once, weighted; for methods that relax the choice (DARTS, GDAS). */
  readonly mixture?: SupernetMixture<A>
  save(): Promise<readonly SavedWeight[]>
  load(weights: readonly SavedWeight[]): void
}

/** The continuous relaxation of a supernet: each edge computes a weighted sum of its operations. */
export interface SupernetMixture<A = unknown> {
  /** Names of the edges, one per row of the weights. */
  readonly edges: readonly string[]
  readonly operations: readonly string[]
  /** @param weights [edges, operations]; differentiable. Operations whose weights are exactly 0 in `skip` are not computed. */
  apply(weights: Tensor, inputs: Tensor, mode: ApplyMode, skip?: (edge: number, operation: number) => boolean): Tensor
  /** The architecture that the rule of the space derives from one distribution per edge. */
  derive(weights: readonly (readonly number[])[]): A
}

/** Input and output of a network to be built, and the randomness of its initial weights. */
export interface BuildOptions {
  /** Shape of one input: [height, width, channels]. */
  readonly input: readonly number[]
  readonly classes: number
  readonly rng: Random
}

/** Cost of one image through a network. */
export interface NetworkCost {
  readonly multiplyAdds: number
  readonly parameters: number
}

export interface Progress {
  /** Optimizer steps done so far. */
  readonly step: number
  /** Steps planned in all. */
  readonly steps: number
  readonly epoch: number
  /** Plain numbers: loss, accuracy, learningRate, … */
  readonly metrics: Readonly<Record<string, number>>
}

/** The state of a training run, from which a later call of the same trainer, in any process, continues exactly. */
export interface TrainingState {
  /** Weights, other state of the network, and the optimizer's state. */
  readonly weights: readonly SavedWeight[]
  /** Everything else: steps, random streams, early stopping. Plain JSON. */
  readonly progress: Json
}

export interface FitOptions {
  readonly epochs: number
  /** Number of epochs that schedules are planned for, if the training may continue later. Default: `epochs`. */
  readonly horizon?: number
  /** State to continue from, up to a total of `epochs`. Trainers that do not save states ignore it. */
  readonly from?: TrainingState
  /** Called at the end with the state that a later call can continue from. */
  readonly save?: (state: TrainingState) => void
  readonly rng: Random
  readonly validation?: Split<'validation'>
  readonly signal?: AbortSignal
  /**
   * Publishes facts about the training (such as an image that was written) as a `plugin.event` of the search, if there
   * is one.
   */
  readonly tell?: (name: string, facts: Json, plugin?: string) => void
}

/**
 * Trains a network on a split. No tfjs scope is held across a yield.
 * A loss that is not finite throws ARCHLOOM_TRAINING_DIVERGED.
 */
export interface Trainer {
  readonly name: string
  /**
   * The mean loss of a batch that the trainer minimises, if it has one. It measures networks that are not classifiers.
   */
  readonly loss?: (outputs: Tensor, targets: Tensor) => Scalar
  fit(network: Network, data: Split<'train'>, options: FitOptions): AsyncIterable<Progress>
}

/** Makes the optimizer of one training run; `steps` is the whole run's length, for schedules. */
export type OptimizerFactory = (steps: number) => Optimizer
