/**
 * Disturbance-immune updates around any optimizer: W ← W − η P G on the input side of every linear layer, where P
 * removes the directions of inputs that the layer received from earlier architectures. (Kernels here are [inputs,
 * outputs], so P is to the left of the gradient; with [outputs, inputs] as in the papers it is to the right.)
 */
import * as tf from '@tensorflow/tfjs-core'
import { StepOptimizer } from '../../core/tensor/index.ts'
import type { LinearTap, OptimizerFactory } from '../../core/trainer.ts'
import { type Blocks, blocksOf, outputBlocksOf } from './blocks.ts'
import { columnsOf } from './columns.ts'
import { error } from './errors.ts'
import { declared, type Projection, type ProjectionOptions } from './options.ts'
import { type Projector, projector } from './projector.ts'

/** One layer with its projectors, one for each of its blocks. */
interface ProtectedLayer {
  readonly name: string
  readonly geometry: LinearTap['geometry']
  readonly blocks: Blocks
  /** [kernel] or [kernel, bias]. */
  readonly variables: readonly tf.Variable[]
  readonly projectors: readonly Projector[]
  /** All projectors as a tensor [count, d, d]; undefined while nothing is protected. */
  matrices: tf.Tensor3D | undefined
}

/** Metrics of the projectors: `freedom` is trace(P)/d over all protected layers, 1 before the first protection. */
export type ProjectionMetrics = {
  readonly freedom: number
  /** The smallest freedom of a layer. */
  readonly leastFreedom: number
  /** Number of layers with a projector. */
  readonly layers: number
}

const SLOT = 'projector'

/** Makes optimizers that wrap those of a factory. Throws ARCHLOOM_OPTION. */
export function projected(
  factory: OptimizerFactory,
  options: ProjectionOptions = {},
): (steps: number) => ProjectedOptimizer {
  const checked = declared.read(options)
  return (steps) => new ProjectedOptimizer(factory(steps), checked, steps)
}

/**
 * An optimizer whose steps avoid protected inputs. Pass its `tap` to `Network.apply` while training. A protection
 * reads tensors synchronously, so the engine must support this. It owns the wrapped optimizer. Errors of a protection:
 * ARCHLOOM_PROJECTOR_COLUMN, ARCHLOOM_PROJECTOR_ALPHA.
 */
export class ProjectedOptimizer extends StepOptimizer {
  override readonly name = 'projected'
  protected override readonly slotNames = [SLOT]
  private readonly layers = new Map<string, ProtectedLayer>()
  /** Layer inputs of the passes since the last step, by name of the kernel. The tensors are owned here. */
  private readonly seen = new Map<string, tf.Tensor[]>()
  /** Whether `protect` is running a pass, in which the inputs of each layer are kept. */
  private recording = false
  /** Projectors that were taken up, of layers that no pass has shown yet. They are part of all that is done to projectors. */
  private readonly waiting = new Map<string, readonly Projector[]>()

  constructor(
    readonly optimizer: tf.Optimizer,
    readonly options: Projection,
    private readonly steps: number,
  ) {
    super({ learningRate: optimizer instanceof StepOptimizer ? optimizer.learningRate : 0 })
  }

  /** Copies a layer's input if the running step or `protect` will need it. */
  readonly tap = (use: LinearTap): void => {
    if (!this.options.layers(use.name)) return
    if (this.options.depthwise === 'exempt' && use.geometry.kind === 'depthwise-convolution') return
    this.layerOf(use)
    if (!this.recording && !this.due(this.options.protectEvery, this.step + 1)) return
    const inputs = this.seen.get(use.kernel.name) ?? []
    inputs.push(tf.keep(tf.clone(use.input)))
    this.seen.set(use.kernel.name, inputs)
  }

  /** Protects what one pass shows: `optimizer.protect((tap) => path.apply(images, { training: true, tap }))`. */
  protect(pass: (tap: (use: LinearTap) => void) => unknown): void {
    this.forget()
    this.recording = true
    try {
      tf.tidy(() => void pass(this.tap))
      this.protectSeen()
    } finally {
      this.recording = false
      this.forget()
    }
  }

  /** Releases a share of the protection of every layer: P ← (1 − share) P + share I. Default: 1. */
  release(share = 1): void {
    for (const layer of this.layers.values()) {
      for (const each of layer.projectors) each.release(share)
      this.upload(layer)
    }
    for (const projectors of this.waiting.values()) for (const each of projectors) each.release(share)
  }

  /** trace(P)/d. Plain numbers; computed from the projectors, not from the engine. */
  metrics(): ProjectionMetrics {
    let [trace, dimensions, least] = [0, 0, 1]
    // Sorted by name, so that rounding does not depend on the order in which layers were used.
    const all = this.known().sort(([a], [b]) => (a < b ? -1 : 1))
    for (const [, projectors] of all) {
      let own = 0
      for (const each of projectors) own += each.freedom / projectors.length
      const size = (projectors[0] as Projector).dimension * projectors.length
      trace += own * size
      dimensions += size
      least = Math.min(least, own)
    }
    return { freedom: dimensions === 0 ? 1 : trace / dimensions, leastFreedom: least, layers: all.length }
  }

  override applyGradients(gradients: tf.NamedTensorMap | { name: string; tensor: tf.Tensor }[]): void {
    const named = Array.isArray(gradients)
      ? Object.fromEntries(gradients.map(({ name, tensor }) => [name, tensor]))
      : gradients
    this.step++
    if (this.optimizer instanceof StepOptimizer) this.optimizer.learningRate = this.learningRate
    // A layer that this step does not train keeps its weights.
    const bound = [...this.layers.values()].filter(
      ({ variables, matrices }) => matrices && variables.some(({ name }) => named[name]),
    )
    tf.tidy(() => {
      if (this.options.project === 'gradient') {
        this.optimizer.applyGradients({ ...named, ...projectedGradients(bound, named) })
        return
      }
      // A copy, because engines may update a variable in place.
      const before = bound.map(({ variables }) => variables.map((variable) => tf.add(variable as tf.Tensor, 0)))
      this.optimizer.applyGradients(named)
      for (const [i, layer] of bound.entries()) keepWithin(layer, before[i] as tf.Tensor[])
    })
    if (this.due(this.options.releaseEvery, this.step)) this.release(this.options.releaseShare)
    try {
      if (this.due(this.options.protectEvery, this.step)) this.protectSeen()
    } finally {
      this.forget()
    }
  }

  protected override update(): void {}

  /**
   * The wrapped optimizer's state, then each layer's projectors as 'kernel/projector' [count, d, d], or [count, d, 0]
   * where nothing is protected.
   */
  override async getWeights(): Promise<{ name: string; tensor: tf.Tensor }[]> {
    const inner = await this.optimizer.getWeights()
    const [first] = inner
    const step = first?.name === 'step' ? [] : [{ name: 'step', tensor: tf.scalar(this.step, 'int32') as tf.Tensor }]
    const own = this.known().map(([kernel, projectors]) => ({
      name: `${kernel}/${SLOT}`,
      tensor: saved(projectors),
    }))
    return [...step, ...inner, ...own]
  }

  /**
   * Takes up what `getWeights` gave; projectors wait until a pass shows their layer.
   * @throws ARCHLOOM_PROJECTOR_STATE when one is none, or does not fit its layer, ARCHLOOM_OPTIMIZER_STATE from the
   * wrapped optimizer
   */
  override async setWeights(state: { name: string; tensor: tf.Tensor }[]): Promise<void> {
    const own = state.filter(({ name }) => name.endsWith(`/${SLOT}`))
    const counts = this.optimizer instanceof StepOptimizer
    await this.optimizer.setWeights(
      state.filter(({ name }) => !name.endsWith(`/${SLOT}`) && (counts || name !== 'step')),
    )
    const [step] = (await state.find(({ name }) => name === 'step')?.tensor.data()) ?? [0]
    this.forget()
    for (const layer of this.layers.values()) layer.matrices?.dispose()
    this.layers.clear()
    this.waiting.clear()
    this.step = step as number
    for (const { name, tensor } of own) {
      const kernel = name.slice(0, -SLOT.length - 1)
      this.waiting.set(kernel, restored(kernel, tensor.shape, await tensor.data()))
    }
  }

  override dispose(): void {
    this.forget()
    for (const layer of this.layers.values()) layer.matrices?.dispose()
    this.layers.clear()
    this.optimizer.dispose()
    super.dispose()
  }

  getConfig(): tf.serialization.ConfigDict {
    const { alpha, layers: _, ...plain } = this.options
    return {
      ...plain,
      alpha: typeof alpha === 'function' ? 'function' : alpha,
      optimizer: {
        name: this.optimizer instanceof StepOptimizer ? this.optimizer.name : '',
        ...this.optimizer.getConfig(),
      },
    }
  }

  /** Whether an action that is repeated every `every` steps after the warm-up is due at this step. */
  private due(every: number, step: number): boolean {
    const counted = step - this.options.warmUp.steps
    return every > 0 && counted > 0 && counted % every === 0
  }

  private layerOf(use: LinearTap): ProtectedLayer {
    const known = this.layers.get(use.kernel.name)
    if (known) return known
    const { name, geometry, kernel, bias } = use
    const blocks = this.options.side === 'output' ? outputBlocksOf(use) : blocksOf(use)
    const transposed = geometry.kind === 'transposed-convolution'
    const layer: ProtectedLayer = {
      name,
      geometry,
      blocks,
      variables: [kernel, ...(bias && !transposed ? [bias] : [])],
      projectors: this.projectorsFor(use, blocks),
      matrices: undefined,
    }
    this.upload(layer)
    this.layers.set(kernel.name, layer)
    this.waiting.delete(kernel.name)
    return layer
  }

  /** Projectors by kernel, of layers that wait too. */
  private known(): (readonly [kernel: string, projectors: readonly Projector[]])[] {
    return [...[...this.layers].map(([kernel, { projectors }]) => [kernel, projectors] as const), ...this.waiting]
  }

  private projectorsFor({ name, kernel }: LinearTap, { count, dimension }: Blocks): readonly Projector[] {
    const known = this.waiting.get(kernel.name)
    if (!known) return Array.from({ length: count }, () => projector(dimension))
    if (known.length !== count || known[0]?.dimension !== dimension)
      throw error('ARCHLOOM_PROJECTOR_STATE', {
        name,
        received: `${known.length} of dimension ${known[0]?.dimension}`,
        expected: `${count} of dimension ${dimension}`,
      })
    return known
  }

  private protectSeen(): void {
    const progress = this.steps > 0 ? Math.min(1, this.step / this.steps) : 0
    for (const [kernel, inputs] of this.seen) {
      const layer = this.layers.get(kernel) as ProtectedLayer
      const { name, geometry, blocks, projectors } = layer
      const { alpha } = this.options
      const a = typeof alpha === 'function' ? alpha({ name, geometry, progress }) : alpha
      for (const input of inputs)
        for (const [i, columns] of columnsOf(blocks, input, this.options).entries())
          (projectors[i] as Projector).protect(columns, a)
      this.upload(layer)
    }
  }

  private upload(layer: ProtectedLayer): void {
    layer.matrices?.dispose()
    layer.matrices = undefined
    const { projectors } = layer
    if (projectors.every(({ free }) => free)) return
    const d = (projectors[0] as Projector).dimension
    layer.matrices = tf.keep(tf.tensor3d(joined(projectors), [projectors.length, d, d]))
  }

  private forget(): void {
    for (const inputs of this.seen.values()) tf.dispose(inputs)
    this.seen.clear()
  }
}

/**
 * Saves projectors in single precision. The running ones continue from the rounded values, so that a restored search
 * is identical to the last bit.
 */
function saved(projectors: readonly Projector[]): tf.Tensor {
  const d = (projectors[0] as Projector).dimension
  if (projectors.every(({ free }) => free)) return tf.tensor(new Float32Array(0), [projectors.length, d, 0])
  const values = joined(projectors)
  for (const [i, each] of projectors.entries()) each.restore(values.subarray(i * d * d, (i + 1) * d * d))
  return tf.tensor(values, [projectors.length, d, d])
}

function restored(name: string, shape: readonly number[], values: ArrayLike<number>): readonly Projector[] {
  const [count, d, columns] = shape as [number, number, number]
  if (!(shape.length === 3 && count > 0 && d > 0 && (columns === d || columns === 0)))
    throw error('ARCHLOOM_PROJECTOR_STATE', {
      name,
      received: `shape [${shape.join(', ')}]`,
      expected: 'shape [count, d, d]',
    })
  return Array.from({ length: count }, (_, i) => {
    const made = projector(d)
    if (columns > 0) made.restore(Array.prototype.slice.call(values, i * d * d, (i + 1) * d * d))
    return made
  })
}

const joined = (projectors: readonly Projector[]): Float32Array => {
  const all = new Float32Array(projectors.reduce((sum, { matrix }) => sum + matrix.length, 0))
  projectors.reduce((at, { matrix }) => {
    all.set(matrix, at)
    return at + matrix.length
  }, 0)
  return all
}

const throughProjector = ({ blocks, matrices }: ProtectedLayer, parts: readonly tf.Tensor[]): readonly tf.Tensor[] =>
  blocks.unstack(tf.matMul(matrices as tf.Tensor3D, blocks.stack(parts)))

/** W ← W₀ + P (W − W₀), for a layer that a step has moved from W₀ to W. */
function keepWithin(layer: ProtectedLayer, before: readonly tf.Tensor[]): void {
  const wanted = layer.variables.map((variable, i) => tf.sub(variable as tf.Tensor, before[i] as tf.Tensor))
  const allowed = throughProjector(layer, wanted)
  layer.variables.forEach((variable, i) => {
    variable.assign(tf.add(before[i] as tf.Tensor, allowed[i] as tf.Tensor))
  })
}

function projectedGradients(layers: readonly ProtectedLayer[], named: tf.NamedTensorMap): tf.NamedTensorMap {
  return Object.fromEntries(
    layers.flatMap((layer) => {
      const { variables } = layer
      const parts = variables.map((variable) => named[variable.name] ?? tf.zerosLike(variable as tf.Tensor))
      return throughProjector(layer, parts).map((part, i) => [(variables[i] as tf.Variable).name, part] as const)
    }),
  )
}
