/**
 * Optimizers that are tfjs `Optimizer`s, so that any trainer accepts them. Each update is one named kernel if the
 * engine has it (one pass over memory, in place), and otherwise a composition of tfjs operations with an assignment.
 * The learning rate may be set before any step. State is saved and restored by variable name. Dispose of them, or hold
 * them with `using`.
 */

import * as tf from '@tensorflow/tfjs-core'
import { optionError, optionNames } from '../options/index.ts'
import { error } from './optimizer-errors.ts'

/** Names and signatures of the kernels an engine may register; each writes to its variables and returns nothing. */
export const updateKernels = {
  /** inputs { variable, gradient, velocity }, attrs { learningRate, momentum, nesterov, weightDecay } */
  momentum: 'MomentumUpdate',
  /**
   * inputs { variable, gradient, first, second },
   * attrs { rate, beta1, beta2, epsilon, secondCorrection, weightDecay, shrink }: `rate` is α / (1 − β₁ᵗ),
   * `secondCorrection` 1 / (1 − β₂ᵗ), `weightDecay` joins the gradient, `shrink` multiplies the variable first.
   */
  adam: 'AdamUpdate',
} as const

interface OptimizerOptions {
  readonly learningRate: number
  /** Which variables weight decay applies to. Default: all. */
  readonly decays?: (variable: tf.Variable) => boolean
}

export interface MomentumOptions extends OptimizerOptions {
  /** Share of the velocity that is kept; 0 is plain gradient descent. Default 0.9. */
  readonly momentum?: number
  /** Whether to use Nesterov momentum (Nesterov 1983, in the form of Sutskever et al. 2013). Default: false. */
  readonly nesterov?: boolean
  /** L2 penalty λ, added to the gradient as λ·w. Default 0. */
  readonly weightDecay?: number
}

export interface AdamOptions extends OptimizerOptions {
  /** β₁, default 0.9. */
  readonly beta1?: number
  /** β₂, default 0.999. */
  readonly beta2?: number
  /** ε, default 1e-8. */
  readonly epsilon?: number
  /** λ: `adam` adds λ·w to the gradient, `adamW` shrinks the weights by α·λ. Default: 0. */
  readonly weightDecay?: number
}

const momentumNames = optionNames<MomentumOptions>('momentum', {
  learningRate: true,
  momentum: true,
  nesterov: true,
  weightDecay: true,
  decays: true,
})

/** v ← μ·v + g + λ·w; w ← w − α·v (or, with Nesterov, w − α·(g + λ·w + μ·v)). */
export const momentum = (options: MomentumOptions): StepOptimizer => {
  momentumNames(options)
  return new Momentum(options)
}
const adamNames = optionNames<AdamOptions>('adam', {
  learningRate: true,
  beta1: true,
  beta2: true,
  epsilon: true,
  weightDecay: true,
  decays: true,
})

/** Adam (Kingma & Ba 2015, algorithm 1). */
export const adam = (options: AdamOptions): StepOptimizer => {
  adamNames(options)
  return new Adam(options, false)
}
const adamWNames = optionNames<AdamOptions>('adamW', {
  learningRate: true,
  beta1: true,
  beta2: true,
  epsilon: true,
  weightDecay: true,
  decays: true,
})

/** Adam with decoupled weight decay (Loshchilov & Hutter 2019, algorithm 2). */
export const adamW = (options: AdamOptions): StepOptimizer => {
  adamWNames(options)
  return new Adam(options, true)
}

/** The gradients scaled by min(1, maxNorm / ‖all gradients‖₂), and that norm (a scalar). Call inside a tidy. */
export function clipByGlobalNorm(
  gradients: tf.NamedTensorMap,
  maxNorm: number,
): { readonly gradients: tf.NamedTensorMap; readonly norm: tf.Scalar } {
  if (!(maxNorm > 0)) throw optionError('clipByGlobalNorm', 'maxNorm', maxNorm, 'a positive number')
  const squares = Object.values(gradients).map((gradient) => tf.sum(tf.square(gradient)))
  const norm = (squares.length ? tf.sqrt(tf.addN(squares)) : tf.scalar(0)) as tf.Scalar
  // A norm of 0 gives ∞, and the minimum 1.
  const scale = tf.minimum(tf.div(maxNorm, norm), 1)
  const clipped = Object.entries(gradients).map(([name, gradient]) => [name, tf.mul(gradient, scale)] as const)
  return { gradients: Object.fromEntries(clipped), norm }
}

/** A tfjs optimizer with a settable learning rate, named slots, and state that is plain named tensors. */
export abstract class StepOptimizer extends tf.Optimizer implements Disposable {
  abstract readonly name: string
  /** Set it before a step to follow a schedule. */
  learningRate: number
  /** Steps taken so far. */
  step = 0
  protected readonly decays: (variable: tf.Variable) => boolean
  private readonly slots = new Map<string, tf.Variable>()

  /** In tfjs any optimizer counts as an instance of each of its classes; here the prototype decides. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    // biome-ignore lint/complexity/noThisInStatic: subclasses inherit it, and each asks for itself.
    return Function.prototype[Symbol.hasInstance].call(this, value)
  }

  constructor(options: OptimizerOptions) {
    super()
    this.learningRate = options.learningRate
    this.decays = options.decays ?? (() => true)
  }

  /** One update of every variable that has a gradient; the others stay as they are. */
  override applyGradients(gradients: tf.NamedTensorMap | { name: string; tensor: tf.Tensor }[]): void {
    this.step++
    const named = Array.isArray(gradients)
      ? gradients.map((each) => [each.name, each.tensor] as const)
      : Object.entries(gradients)
    const { registeredVariables } = tf.engine()
    for (const [name, gradient] of named) {
      const variable = registeredVariables[name]
      if (!variable || !gradient) continue
      this.check(variable, gradient)
      this.update(variable, gradient, this.decays(variable))
    }
  }

  /** In-place updates would read other types as floats, and read beyond the end of a gradient that is too short. */
  private check(variable: tf.Variable, gradient: tf.Tensor): void {
    const floats = variable.dtype === 'float32' && gradient.dtype === 'float32'
    if (floats && tf.util.arraysEqual(variable.shape, gradient.shape)) return
    throw error('ARCHLOOM_OPTIMIZER_GRADIENT', {
      optimizer: this.name,
      variable: variable.name,
      received: `a gradient ${gradient.dtype} [${gradient.shape.join(', ')}]`,
      expected:
        variable.dtype === 'float32' ? `float32 [${variable.shape.join(', ')}]` : `no gradient of ${variable.dtype}`,
    })
  }

  protected abstract update(variable: tf.Variable, gradient: tf.Tensor, decays: boolean): void
  protected abstract readonly slotNames: readonly string[]

  /** The state tensor of a variable, initially zero. It is kept by every tidy. */
  protected slot(variable: tf.Variable, kind: string): tf.Variable {
    const key = `${variable.name}/${kind}`
    const found = this.slots.get(key)
    if (found) return found
    const made = tf.tidy(() => tf.variable(tf.zerosLike(variable as tf.Tensor), false))
    this.slots.set(key, made)
    return made
  }

  /** The whole state: 'step' first, then each slot as 'variable/kind'. The caller disposes the tensors. */
  override async getWeights(): Promise<{ name: string; tensor: tf.Tensor }[]> {
    const step = { name: 'step', tensor: tf.scalar(this.step, 'int32') as tf.Tensor }
    return [step, ...[...this.slots].map(([name, slot]) => ({ name, tensor: tf.clone(slot as tf.Tensor) }))]
  }

  /**
   * Restores the state that getWeights returned. The caller still owns the tensors.
   * @throws ARCHLOOM_OPTIMIZER_STATE when it is not the state of this kind of optimizer.
   */
  override async setWeights(state: { name: string; tensor: tf.Tensor }[]): Promise<void> {
    const [first, ...rest] = state
    if (first?.name !== 'step' || first.tensor.size !== 1)
      throw error('ARCHLOOM_OPTIMIZER_STATE', {
        optimizer: this.name,
        name: first?.name ?? '(nothing)',
        expected: 'the scalar "step" first',
      })
    for (const { name } of rest)
      if (!this.slotNames.some((kind) => name.endsWith(`/${kind}`)))
        throw error('ARCHLOOM_OPTIMIZER_STATE', {
          optimizer: this.name,
          name,
          expected: `names ending in ${this.slotNames.map((kind) => `/${kind}`).join(' or ')}`,
        })
    const [step] = await first.tensor.data()
    this.dispose()
    this.step = step as number
    for (const { name, tensor } of rest) this.slots.set(name, tf.variable(tensor, false))
  }

  override dispose(): void {
    for (const slot of this.slots.values()) slot.dispose()
    this.slots.clear()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  override getClassName(): string {
    return this.name
  }
}

class Momentum extends StepOptimizer {
  override readonly name = 'momentum'
  private readonly options: Required<Omit<MomentumOptions, 'decays' | 'learningRate'>>
  protected override readonly slotNames = ['velocity']

  constructor({ momentum = 0.9, nesterov = false, weightDecay = 0, ...rest }: MomentumOptions) {
    super(rest)
    check('momentum', { momentum }, (x) => x >= 0 && x < 1, 'a number in [0, 1)')
    check('momentum', { learningRate: rest.learningRate, weightDecay }, (x) => x >= 0, 'a number of at least 0')
    this.options = { momentum, nesterov, weightDecay }
  }

  protected override update(variable: tf.Variable, gradient: tf.Tensor, decays: boolean): void {
    const { momentum, nesterov } = this.options
    const weightDecay = decays ? this.options.weightDecay : 0
    const velocity = momentum === 0 ? undefined : this.slot(variable, 'velocity')
    const inputs = { variable, gradient, ...(velocity && { velocity }) }
    if (inPlace(updateKernels.momentum, inputs, { learningRate: this.learningRate, momentum, nesterov, weightDecay }))
      return
    tf.tidy(() => {
      const w = variable as tf.Tensor
      const g = weightDecay === 0 ? gradient : tf.add(gradient, tf.mul(w, weightDecay))
      let direction = g
      if (velocity) {
        velocity.assign(tf.add(tf.mul(velocity as tf.Tensor, momentum), g))
        direction = nesterov ? tf.add(g, tf.mul(velocity as tf.Tensor, momentum)) : velocity
      }
      variable.assign(tf.sub(w, tf.mul(direction, this.learningRate)))
    })
  }

  getConfig(): tf.serialization.ConfigDict {
    return { learningRate: this.learningRate, ...this.options }
  }
}

class Adam extends StepOptimizer {
  override readonly name: string
  private readonly options: Required<Omit<AdamOptions, 'decays' | 'learningRate'>>
  protected override readonly slotNames = ['first', 'second']

  constructor(
    { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0, ...rest }: AdamOptions,
    private readonly decoupled: boolean,
  ) {
    super(rest)
    this.name = decoupled ? 'adamW' : 'adam'
    check(this.name, { beta1, beta2 }, (x) => x >= 0 && x < 1, 'a number in [0, 1)')
    check(this.name, { epsilon }, (x) => x > 0, 'a positive number')
    check(this.name, { learningRate: rest.learningRate, weightDecay }, (x) => x >= 0, 'a number of at least 0')
    this.options = { beta1, beta2, epsilon, weightDecay }
  }

  protected override update(variable: tf.Variable, gradient: tf.Tensor, decays: boolean): void {
    const { beta1, beta2, epsilon } = this.options
    const decay = decays ? this.options.weightDecay : 0
    const [weightDecay, shrink] = this.decoupled ? [0, 1 - this.learningRate * decay] : [decay, 1]
    const rate = this.learningRate / (1 - beta1 ** this.step)
    const secondCorrection = 1 / (1 - beta2 ** this.step)
    const [first, second] = [this.slot(variable, 'first'), this.slot(variable, 'second')]
    const attributes = { rate, beta1, beta2, epsilon, secondCorrection, weightDecay, shrink }
    if (inPlace(updateKernels.adam, { variable, gradient, first, second }, attributes)) return
    tf.tidy(() => {
      const w = variable as tf.Tensor
      const g = weightDecay === 0 ? gradient : tf.add(gradient, tf.mul(w, weightDecay))
      first.assign(tf.add(tf.mul(first as tf.Tensor, beta1), tf.mul(g, 1 - beta1)))
      second.assign(tf.add(tf.mul(second as tf.Tensor, beta2), tf.mul(tf.square(g), 1 - beta2)))
      const scale = tf.add(tf.sqrt(tf.mul(second as tf.Tensor, secondCorrection)), epsilon)
      variable.assign(tf.sub(tf.mul(w, shrink), tf.mul(tf.div(first as tf.Tensor, scale), rate)))
    })
  }

  getConfig(): tf.serialization.ConfigDict {
    return { learningRate: this.learningRate, ...this.options }
  }
}

/** Runs the engine's own update kernel, if it has one. */
function inPlace(name: string, inputs: Record<string, tf.Tensor>, attrs: Record<string, number | boolean>): boolean {
  const kernel = tf.getKernel(name, tf.getBackend())
  kernel?.kernelFunc({ inputs, attrs, backend: tf.backend() })
  return kernel !== undefined
}

function check(
  optimizer: string,
  options: Readonly<Record<string, number>>,
  valid: (value: number) => boolean,
  expected: string,
): void {
  for (const [option, received] of Object.entries(options))
    if (!valid(received)) throw optionError(optimizer, option, received, expected)
}
