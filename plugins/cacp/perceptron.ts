import type { Random } from '../../core/index.ts'
import { type PolicyOptimizer, policyAdam } from '../../core/policy/index.ts'

/**
 * Fully connected layers over batches, forward and backward, in plain arithmetic and doubles. For networks with some
 * hundred units, a tensor engine needs longer to dispatch than to compute, and plain arithmetic gives the same results
 * on every machine. Inputs that are zero (half of all, after a ReLU) are skipped.
 */
export interface DenseLayer {
  readonly inputs: number
  readonly units: number
  /** [inputs, units]. */
  readonly weight: Float64Array
  readonly bias: Float64Array
  /** Gradients of weight and bias, which accumulate until they are cleared. */
  readonly weightGradient: Float64Array
  readonly biasGradient: Float64Array
}

/** Makes a layer whose weight and bias are uniform in ±1/√inputs, as in the published implementations. */
export function denseLayer(inputs: number, units: number, rng: Random): DenseLayer {
  const limit = 1 / Math.sqrt(inputs)
  const drawn = (size: number) => Float64Array.from({ length: size }, () => limit * (2 * rng.float() - 1))
  return {
    inputs,
    units,
    weight: drawn(inputs * units),
    bias: drawn(units),
    weightGradient: new Float64Array(inputs * units),
    biasGradient: new Float64Array(units),
  }
}

/** Copies a layer; the copy has its own gradients. */
export const copyOf = (layer: DenseLayer): DenseLayer => ({
  ...layer,
  weight: layer.weight.slice(),
  bias: layer.bias.slice(),
  weightGradient: new Float64Array(layer.weight.length),
  biasGradient: new Float64Array(layer.units),
})

/** Writes the positions of the non-zero values of a row, and returns their number. */
function nonZero(x: Float64Array, from: number, count: number, places: Int32Array): number {
  let found = 0
  for (let i = 0; i < count; i++) if (x[from + i] !== 0) places[found++] = i
  return found
}

/** y = x W + b for rows of x [rows, inputs] → [rows, units]; with `onto`, the result is added to it. */
export function forward(layer: DenseLayer, x: Float64Array, rows: number, onto?: Float64Array): Float64Array {
  const { inputs, units, weight, bias } = layer
  const y = onto ?? new Float64Array(rows * units)
  const places = new Int32Array(inputs)
  for (let row = 0; row < rows; row++) {
    const out = y.subarray(row * units, (row + 1) * units)
    for (let o = 0; o < units; o++) out[o] = out[o]! + bias[o]!
    const base = row * inputs
    const count = nonZero(x, base, inputs, places)
    let at = 0
    // Four inputs at a time, so that a result is read and written once per four products.
    for (; at + 3 < count; at += 4) {
      const [i, j, k, l] = [places[at], places[at + 1], places[at + 2], places[at + 3]] as [
        number,
        number,
        number,
        number,
      ]
      const [a, b, c, d] = [x[base + i], x[base + j], x[base + k], x[base + l]] as [number, number, number, number]
      const [wi, wj, wk, wl] = [i * units, j * units, k * units, l * units] as [number, number, number, number]
      for (let o = 0; o < units; o++)
        out[o] = out[o]! + a * weight[wi + o]! + b * weight[wj + o]! + c * weight[wk + o]! + d * weight[wl + o]!
    }
    for (; at < count; at++) {
      const i = places[at] as number
      const a = x[base + i] as number
      for (let o = 0; o < units; o++) out[o] = out[o]! + a * weight[i * units + o]!
    }
  }
  return y
}

/** W′ += xᵀ dy and b′ += Σ dy. */
export function addGradient(layer: DenseLayer, x: Float64Array, dy: Float64Array, rows: number): void {
  const { inputs, units, weightGradient, biasGradient } = layer
  for (let row = 0; row < rows; row++) {
    const from = row * units
    for (let o = 0; o < units; o++) biasGradient[o] = biasGradient[o]! + dy[from + o]!
  }
  // One input after the other, so that a row of the gradient stays in the first-level cache for the whole batch.
  const places = new Int32Array(rows)
  for (let i = 0; i < inputs; i++) {
    let count = 0
    for (let row = 0; row < rows; row++) if (x[row * inputs + i] !== 0) places[count++] = row
    const target = weightGradient.subarray(i * units, (i + 1) * units)
    let at = 0
    for (; at + 3 < count; at += 4) {
      const [r, s, t, u] = [places[at], places[at + 1], places[at + 2], places[at + 3]] as [
        number,
        number,
        number,
        number,
      ]
      const [a, b] = [x[r * inputs + i], x[s * inputs + i]] as [number, number]
      const [c, d] = [x[t * inputs + i], x[u * inputs + i]] as [number, number]
      const [dr, ds, dt, du] = [r * units, s * units, t * units, u * units] as [number, number, number, number]
      for (let o = 0; o < units; o++)
        target[o] = target[o]! + a * dy[dr + o]! + b * dy[ds + o]! + c * dy[dt + o]! + d * dy[du + o]!
    }
    for (; at < count; at++) {
      const row = places[at] as number
      const a = x[row * inputs + i] as number
      for (let o = 0; o < units; o++) target[o] = target[o]! + a * dy[row * units + o]!
    }
  }
}

/** dx = dy Wᵀ. If x, the output of a ReLU, is given, the gradient is 0 where x is 0 and is not computed there. */
export function inputGradient(layer: DenseLayer, dy: Float64Array, rows: number, x?: Float64Array): Float64Array {
  const { inputs, units, weight } = layer
  const dx = new Float64Array(rows * inputs)
  const places = Int32Array.from({ length: inputs }, (_, i) => i)
  for (let row = 0; row < rows; row++) {
    const base = row * inputs
    const count = x ? nonZero(x, base, inputs, places) : inputs
    let at = 0
    // Four inputs at a time, so that an output's gradient is read once per four products.
    for (; at + 3 < count; at += 4) {
      const i = places[at] as number
      const j = places[at + 1] as number
      const k = places[at + 2] as number
      const l = places[at + 3] as number
      fourProducts(dy, row * units, weight, i * units, j * units, k * units, l * units, units)
      dx[base + i] = sums[0] as number
      dx[base + j] = sums[1] as number
      dx[base + k] = sums[2] as number
      dx[base + l] = sums[3] as number
    }
    for (; at < count; at++) {
      const i = places[at] as number
      let sum = 0
      for (let o = 0; o < units; o++) sum += dy[row * units + o]! * weight[i * units + o]!
      dx[base + i] = sum
    }
  }
  return dx
}

const sums = new Float64Array(4)

/** Inner products of a part of `x` with four parts of `w`, into `sums`. */
function fourProducts(
  x: Float64Array,
  from: number,
  w: Float64Array,
  i: number,
  j: number,
  k: number,
  l: number,
  count: number,
): void {
  let a = 0
  let b = 0
  let c = 0
  let d = 0
  for (let o = 0; o < count; o++) {
    const value = x[from + o] as number
    a += value * w[i + o]!
    b += value * w[j + o]!
    c += value * w[k + o]!
    d += value * w[l + o]!
  }
  sums[0] = a
  sums[1] = b
  sums[2] = c
  sums[3] = d
}

/** Applies ReLU in place. */
export function rectify(x: Float64Array): Float64Array {
  for (let i = 0; i < x.length; i++) if (!(x[i]! > 0)) x[i] = 0
  return x
}

export function clearGradients(layers: readonly DenseLayer[]): void {
  for (const { weightGradient, biasGradient } of layers) {
    weightGradient.fill(0)
    biasGradient.fill(0)
  }
}

/** target ← target + τ · (source − target). */
export function softUpdate(target: readonly DenseLayer[], source: readonly DenseLayer[], tau: number): void {
  const move = (to: Float64Array, from: Float64Array) => {
    for (let i = 0; i < to.length; i++) to[i] = to[i]! + tau * (from[i]! - to[i]!)
  }
  target.forEach((layer, index) => {
    const other = source[index] as DenseLayer
    move(layer.weight, other.weight)
    move(layer.bias, other.bias)
  })
}

/** Adam for the layers of one network. */
export const layersAdam = (layers: readonly DenseLayer[], learningRate: number): PolicyOptimizer =>
  policyAdam(
    layers.flatMap(({ inputs, units, weight, bias, weightGradient, biasGradient }, index) => [
      { name: `${index}/weight`, shape: [inputs, units], value: weight, gradient: weightGradient },
      { name: `${index}/bias`, shape: [units], value: bias, gradient: biasGradient },
    ]),
    { learningRate },
  )
