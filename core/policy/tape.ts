import type { Random } from '../random.ts'

/**
 * Reverse-mode differentiation of small vectors in plain arithmetic, for policies: a policy takes thousands of tiny
 * steps, each of which costs a tensor engine more to dispatch than to compute. It needs no engine, and proposes the
 * same on every machine and engine. Doubles throughout: a snapshot in JSON is exact.
 */

/** A trained array, row-major. Gradients add up until they are cleared. */
export interface Parameter {
  readonly name: string
  readonly shape: readonly number[]
  readonly value: Float64Array
  readonly gradient: Float64Array
}

/** An intermediate result, or a row of a parameter. Without a tape the gradient is empty. */
export interface Vector {
  readonly value: Float64Array
  readonly gradient: Float64Array
}

const NONE = new Float64Array(0)

/** The operations since the last `backward`, to be undone in reverse. */
export class Tape {
  readonly #steps: (() => void)[] = []

  /** Remember how the gradient of a result reaches what it was computed from. */
  record(back: () => void): void {
    this.#steps.push(back)
  }

  /** Carries the gradients that were put on results back to the parameters, and forgets. */
  backward(): void {
    for (let step = this.#steps.pop(); step; step = this.#steps.pop()) step()
  }
}

/** A result of n elements; with a tape, `back` is called once its gradient is known. */
export function result(tape: Tape | undefined, value: Float64Array, back: (gradient: Float64Array) => void): Vector {
  if (!tape) return { value, gradient: NONE }
  const gradient = new Float64Array(value.length)
  tape.record(() => back(gradient))
  return { value, gradient }
}

const sizeOf = (shape: readonly number[]) => shape.reduce((product, size) => product * size, 1)

/** A parameter with values uniform in ±limit (0 for all zeros); they depend on the generator and the name only. */
export function parameter(name: string, shape: readonly number[], rng: Random, limit: number): Parameter {
  const size = sizeOf(shape)
  const own = rng.fork(name)
  const value = new Float64Array(size)
  if (limit > 0) for (let i = 0; i < size; i++) value[i] = limit * (2 * own.float() - 1)
  return { name, shape, value, gradient: new Float64Array(size) }
}

/** Row `index` of a matrix [rows, columns]: shares memory with it. */
export function row({ shape, value, gradient }: Parameter, index: number): Vector {
  const columns = shape[1] as number
  const [from, to] = [index * columns, (index + 1) * columns]
  return { value: value.subarray(from, to), gradient: gradient.subarray(from, to) }
}

/** y += W x for W [outputs, inputs]. */
function addProduct(y: Float64Array, w: Float64Array, x: Float64Array): void {
  const inputs = x.length
  for (let o = 0, at = 0; o < y.length; o++) {
    let sum = 0
    for (let i = 0; i < inputs; i++, at++) sum += (w[at] as number) * (x[i] as number)
    y[o] = (y[o] as number) + sum
  }
}

/** Gradients of y = W x: W′ += y′ xᵀ and x′ += Wᵀ y′. */
function addProductGradient(dy: Float64Array, w: Parameter, x: Vector): void {
  const inputs = x.value.length
  for (let o = 0, at = 0; o < dy.length; o++) {
    const d = dy[o] as number
    if (d === 0) {
      at += inputs
      continue
    }
    for (let i = 0; i < inputs; i++, at++) {
      w.gradient[at] = (w.gradient[at] as number) + d * (x.value[i] as number)
      x.gradient[i] = (x.gradient[i] as number) + d * (w.value[at] as number)
    }
  }
}

const addTo = (target: Float64Array, source: Float64Array) => {
  for (let i = 0; i < source.length; i++) target[i] = (target[i] as number) + (source[i] as number)
}

/** W x + b, for W [outputs, inputs] and b [outputs]. */
export function affine(tape: Tape | undefined, x: Vector, weights: Parameter, bias?: Parameter): Vector {
  const y = new Float64Array(weights.shape[0] as number)
  if (bias) y.set(bias.value)
  addProduct(y, weights.value, x.value)
  return result(tape, y, (dy) => {
    if (bias) addTo(bias.gradient, dy)
    addProductGradient(dy, weights, x)
  })
}

/** Each element of a result from the elements of its arguments at the same place; `slope` is dy/dx for y = f(x). */
export function elementwise(
  tape: Tape | undefined,
  x: Vector,
  f: (x: number) => number,
  slope: (x: number, y: number) => number,
): Vector {
  const y = x.value.map(f)
  return result(tape, y, (dy) => {
    for (let i = 0; i < y.length; i++)
      x.gradient[i] = (x.gradient[i] as number) + (dy[i] as number) * slope(x.value[i] as number, y[i] as number)
  })
}

export function sum(tape: Tape | undefined, a: Vector, b: Vector): Vector {
  const y = Float64Array.from(a.value)
  addTo(y, b.value)
  return result(tape, y, (dy) => {
    addTo(a.gradient, dy)
    addTo(b.gradient, dy)
  })
}

/** One after the other. */
export function concatenated(tape: Tape | undefined, a: Vector, b: Vector): Vector {
  const y = new Float64Array(a.value.length + b.value.length)
  y.set(a.value)
  y.set(b.value, a.value.length)
  return result(tape, y, (dy) => {
    addTo(a.gradient, dy.subarray(0, a.value.length))
    addTo(b.gradient, dy.subarray(a.value.length))
  })
}

/** Weights of one LSTM cell; gates in the order input, forget, candidate, output. */
export interface LstmWeights {
  /** [4 · hidden, inputs] and [4 · hidden, hidden] */
  readonly input: Parameter
  readonly recurrent: Parameter
  /** [4 · hidden] each: one bias an addend, as most published code has it. */
  readonly inputBias: Parameter
  readonly recurrentBias: Parameter
}

export interface LstmState {
  /** h and c, [hidden] each. */
  readonly hidden: Vector
  readonly cell: Vector
}

export const lstmWeights = (name: string, inputs: number, hidden: number, rng: Random, limit: number): LstmWeights => ({
  input: parameter(`${name}/input`, [4 * hidden, inputs], rng, limit),
  recurrent: parameter(`${name}/recurrent`, [4 * hidden, hidden], rng, limit),
  inputBias: parameter(`${name}/inputBias`, [4 * hidden], rng, limit),
  recurrentBias: parameter(`${name}/recurrentBias`, [4 * hidden], rng, limit),
})

/** All zeros; what reaches its gradient ends there. */
export const zeroVector = (size: number): Vector => ({
  value: new Float64Array(size),
  gradient: new Float64Array(size),
})
export const zeroState = (hidden: number): LstmState => ({ hidden: zeroVector(hidden), cell: zeroVector(hidden) })

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x))

/** One step of an LSTM (Hochreiter & Schmidhuber 1997; Gers et al. 2000): c′ = f c + i g, h′ = o tanh(c′). */
export function lstmStep(tape: Tape | undefined, x: Vector, state: LstmState, weights: LstmWeights): LstmState {
  const size = state.hidden.value.length
  const gates = Float64Array.from(weights.inputBias.value)
  addTo(gates, weights.recurrentBias.value)
  addProduct(gates, weights.input.value, x.value)
  addProduct(gates, weights.recurrent.value, state.hidden.value)
  const cell = new Float64Array(size)
  const squashed = new Float64Array(size)
  const hidden = new Float64Array(size)
  for (let k = 0; k < 4 * size; k++) {
    const z = gates[k] as number
    gates[k] = k >= 2 * size && k < 3 * size ? Math.tanh(z) : sigmoid(z)
  }
  for (let k = 0; k < size; k++) {
    const [i, f, g, o] = [gates[k], gates[size + k], gates[2 * size + k], gates[3 * size + k]] as number[] as Gates
    cell[k] = f * (state.cell.value[k] as number) + i * g
    squashed[k] = Math.tanh(cell[k] as number)
    hidden[k] = o * (squashed[k] as number)
  }
  if (!tape) return { hidden: { value: hidden, gradient: NONE }, cell: { value: cell, gradient: NONE } }

  const next = {
    hidden: { value: hidden, gradient: new Float64Array(size) },
    cell: { value: cell, gradient: new Float64Array(size) },
  }
  tape.record(() => {
    const d = new Float64Array(4 * size)
    for (let k = 0; k < size; k++) {
      const [i, f, g, o] = [gates[k], gates[size + k], gates[2 * size + k], gates[3 * size + k]] as number[] as Gates
      const t = squashed[k] as number
      const dh = next.hidden.gradient[k] as number
      const dc = (next.cell.gradient[k] as number) + dh * o * (1 - t * t)
      d[k] = dc * g * i * (1 - i)
      d[size + k] = dc * (state.cell.value[k] as number) * f * (1 - f)
      d[2 * size + k] = dc * i * (1 - g * g)
      d[3 * size + k] = dh * t * o * (1 - o)
      state.cell.gradient[k] = (state.cell.gradient[k] as number) + dc * f
    }
    addTo(weights.inputBias.gradient, d)
    addTo(weights.recurrentBias.gradient, d)
    addProductGradient(d, weights.input, x)
    addProductGradient(d, weights.recurrent, state.hidden)
  })
  return next
}

type Gates = [number, number, number, number]

/** Additive attention: one logit a key, v · tanh(A key + B query), for A and B [size, size] and v [1, size]. */
export interface AttentionWeights {
  readonly key: Parameter
  readonly query: Parameter
  readonly score: Parameter
}

export const attentionWeights = (name: string, size: number, rng: Random, limit: number): AttentionWeights => ({
  key: parameter(`${name}/key`, [size, size], rng, limit),
  query: parameter(`${name}/query`, [size, size], rng, limit),
  score: parameter(`${name}/score`, [1, size], rng, limit),
})

export function attentionLogits(
  tape: Tape | undefined,
  keys: readonly Vector[],
  query: Vector,
  weights: AttentionWeights,
): Vector {
  const projected = affine(tape, query, weights.query)
  const scores = keys.map((key) =>
    affine(
      tape,
      elementwise(tape, sum(tape, affine(tape, key, weights.key), projected), Math.tanh, (_, y) => 1 - y * y),
      weights.score,
    ),
  )
  const logits = Float64Array.from(scores, ({ value }) => value[0] as number)
  return result(tape, logits, (dy) => {
    scores.forEach(({ gradient }, j) => {
      gradient[0] = (gradient[0] as number) + (dy[j] as number)
    })
  })
}

/** A softmax over some of the logits: the others have probability 0. */
export interface Categorical {
  /** Natural logarithms, one a logit; −Infinity where not allowed. */
  readonly logProbabilities: Float64Array
  readonly probabilities: Float64Array
  /** In nats. */
  readonly entropy: number
  /** Adds the gradient of `onChosen` · ln p(chosen) + `onEntropy` · entropy to the logits; to be used while going back. */
  back(chosen: number, onChosen: number, onEntropy: number): void
}

export function categorical(logits: Vector, allowed: readonly number[]): Categorical {
  const { value, gradient } = logits
  let largest = Number.NEGATIVE_INFINITY
  for (const j of allowed) largest = Math.max(largest, value[j] as number)
  let total = 0
  for (const j of allowed) total += Math.exp((value[j] as number) - largest)
  const logTotal = Math.log(total)
  const logProbabilities = new Float64Array(value.length).fill(Number.NEGATIVE_INFINITY)
  const probabilities = new Float64Array(value.length)
  let entropy = 0
  for (const j of allowed) {
    const logProbability = (value[j] as number) - largest - logTotal
    const probability = Math.exp(logProbability)
    logProbabilities[j] = logProbability
    probabilities[j] = probability
    entropy -= probability * logProbability
  }
  return {
    logProbabilities,
    probabilities,
    entropy,
    back(chosen, onChosen, onEntropy) {
      for (const j of allowed) {
        const p = probabilities[j] as number
        const d = onChosen * ((j === chosen ? 1 : 0) - p) - onEntropy * p * ((logProbabilities[j] as number) + entropy)
        gradient[j] = (gradient[j] as number) + d
      }
    },
  }
}
