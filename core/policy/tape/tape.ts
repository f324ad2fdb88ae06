import type { Random } from '../../random.ts'

/**
 * Reverse-mode differentiation of small vectors in plain arithmetic, for policies. A policy takes thousands of tiny
 * steps, and a tensor engine would need longer to dispatch each step than to compute it. Results are the same on every
 * machine, whatever the engine. All numbers are doubles, so a snapshot in JSON is exact.
 */

/** A trained array, row-major. Gradients accumulate until they are cleared. */
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

/** The gradient of a vector that is not differentiated. */
export const NONE = new Float64Array(0)

/** The operations since the last `backward`, to be undone in reverse. */
export class Tape {
  readonly #steps: (() => void)[] = []

  /** Records how the gradient of a result flows to its inputs. */
  record(back: () => void): void {
    this.#steps.push(back)
  }

  /** Propagates the gradients of results back to the parameters, and clears the tape. */
  backward(): void {
    for (let step = this.#steps.pop(); step; step = this.#steps.pop()) step()
  }
}

/** A vector that was computed; with a tape, `back` is called once its gradient is known. */
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
export function addProduct(y: Float64Array, w: Float64Array, x: Float64Array): void {
  const inputs = x.length
  for (let o = 0, at = 0; o < y.length; o++) {
    let sum = 0
    for (let i = 0; i < inputs; i++, at++) sum += w[at]! * x[i]!
    y[o] = y[o]! + sum
  }
}

/** Gradients of y = W x: W′ += y′ xᵀ and x′ += Wᵀ y′. */
export function addProductGradient(dy: Float64Array, w: Parameter, x: Vector): void {
  const inputs = x.value.length
  for (let o = 0, at = 0; o < dy.length; o++) {
    const d = dy[o] as number
    if (d === 0) {
      at += inputs
      continue
    }
    for (let i = 0; i < inputs; i++, at++) {
      w.gradient[at] = w.gradient[at]! + d * x.value[i]!
      x.gradient[i] = x.gradient[i]! + d * w.value[at]!
    }
  }
}

/** target += source. */
export const addTo = (target: Float64Array, source: Float64Array) => {
  for (let i = 0; i < source.length; i++) target[i] = target[i]! + source[i]!
}

/** W x + b, for W [outputs, inputs] and b [outputs]. */
export function affine(tape: Tape | undefined, x: Vector, weights: Parameter, bias?: Parameter): Vector {
  const y = new Float64Array(weights.shape[0]!)
  if (bias) y.set(bias.value)
  addProduct(y, weights.value, x.value)
  return result(tape, y, (dy) => {
    if (bias) addTo(bias.gradient, dy)
    addProductGradient(dy, weights, x)
  })
}

/** Applies f to every element; `slope` is dy/dx for y = f(x). */
export function elementwise(
  tape: Tape | undefined,
  x: Vector,
  f: (x: number) => number,
  slope: (x: number, y: number) => number,
): Vector {
  const y = x.value.map(f)
  return result(tape, y, (dy) => {
    for (let i = 0; i < y.length; i++)
      x.gradient[i] = x.gradient[i]! + dy[i]! * slope(x.value[i] as number, y[i] as number)
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

/** Concatenates two vectors. */
export function concatenated(tape: Tape | undefined, a: Vector, b: Vector): Vector {
  const y = new Float64Array(a.value.length + b.value.length)
  y.set(a.value)
  y.set(b.value, a.value.length)
  return result(tape, y, (dy) => {
    addTo(a.gradient, dy.subarray(0, a.value.length))
    addTo(b.gradient, dy.subarray(a.value.length))
  })
}

/** A vector of zeros; its gradient is discarded. */
export const zeroVector = (size: number): Vector => ({
  value: new Float64Array(size),
  gradient: new Float64Array(size),
})
