import type { Random } from '../../random.ts'
import {
  addProduct,
  addProductGradient,
  addTo,
  NONE,
  type Parameter,
  parameter,
  type Tape,
  type Vector,
  zeroVector,
} from './tape.ts'

/** Weights of one LSTM cell; gates in the order input, forget, candidate, output. */
export interface LstmWeights {
  /** [4 · hidden, inputs] and [4 · hidden, hidden] */
  readonly input: Parameter
  readonly recurrent: Parameter
  /** [4 · hidden] each: one bias per addend, as in most published code. */
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
    cell[k] = f * state.cell.value[k]! + i * g
    squashed[k] = Math.tanh(cell[k]!)
    hidden[k] = o * squashed[k]!
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
      const dc = next.cell.gradient[k]! + dh * o * (1 - t * t)
      d[k] = dc * g * i * (1 - i)
      d[size + k] = dc * state.cell.value[k]! * f * (1 - f)
      d[2 * size + k] = dc * i * (1 - g * g)
      d[3 * size + k] = dh * t * o * (1 - o)
      state.cell.gradient[k] = state.cell.gradient[k]! + dc * f
    }
    addTo(weights.inputBias.gradient, d)
    addTo(weights.recurrentBias.gradient, d)
    addProductGradient(d, weights.input, x)
    addProductGradient(d, weights.recurrent, state.hidden)
  })
  return next
}

type Gates = [number, number, number, number]
