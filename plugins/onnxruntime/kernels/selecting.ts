/** Comparisons, logic and choices between two tensors: one plain loop each. */
import * as tf from '@tensorflow/tfjs-core'
import type { Values } from '../storage.ts'
import { type Call, input, type Kernel, type KernelTable } from './kernel.ts'

type Test = (a: Values, b: Values, to: Values) => void

/** Written out for each relation, so that the loops contain no calls. */
const tests: Readonly<Record<string, Test>> = {
  Greater: (a, b, to) => {
    for (let i = 0; i < to.length; i++) to[i] = a[i]! > b[i]! ? 1 : 0
  },
  GreaterEqual: (a, b, to) => {
    for (let i = 0; i < to.length; i++) to[i] = a[i]! >= b[i]! ? 1 : 0
  },
  Equal: (a, b, to) => {
    for (let i = 0; i < to.length; i++) to[i] = a[i] === b[i] ? 1 : 0
  },
  NotEqual: (a, b, to) => {
    for (let i = 0; i < to.length; i++) to[i] = a[i] !== b[i] ? 1 : 0
  },
  LogicalAnd: (a, b, to) => {
    for (let i = 0; i < to.length; i++) to[i] = a[i] && b[i] ? 1 : 0
  },
  LogicalOr: (a, b, to) => {
    for (let i = 0; i < to.length; i++) to[i] = a[i] || b[i] ? 1 : 0
  },
}

const sizeOf = (tensor: tf.TensorInfo) => tf.util.sizeFromShape(tensor.shape)
const isNumeric = ({ dtype }: tf.TensorInfo) => dtype === 'float32' || dtype === 'int32' || dtype === 'bool'

/** The values of a tensor repeated to a shape that it broadcasts to. */
function repeated(values: Values, small: readonly number[], shape: readonly number[], to: Values): Values {
  const missing = shape.length - small.length
  const sizes = shape.map((_, axis) => (axis < missing ? 1 : small[axis - missing]!))
  const fill = (axis: number, read: number, write: number, run: number): void => {
    // From here on, the values are in the final order, or one value is repeated for the remaining positions.
    if (axis === shape.length || sizes.slice(axis).every((size) => size === 1)) {
      to.fill(values[read] as number, write, write + run)
      return
    }
    if (sizes.slice(axis).every((size, i) => size === shape[axis + i])) {
      for (let k = 0; k < run; k++) to[write + k] = values[read * run + k] as number
      return
    }
    const [size, length] = [sizes[axis] as number, shape[axis] as number]
    for (let i = 0; i < length; i++)
      fill(axis + 1, read * size + (size === 1 ? 0 : i), write + (i * run) / length, run / length)
  }
  fill(0, 0, 0, to.length)
  return to
}

const relation =
  (test: Test): Kernel<Record<string, never>> =>
  ({ inputs, backend: be }) => {
    const [a, b] = [input(inputs, 'a'), input(inputs, 'b')]
    if (!isNumeric(a) || !isNumeric(b) || sizeOf(a) * sizeOf(b) === 0) return undefined
    const shape = tf.backend_util.assertAndGetBroadcastShape(a.shape, b.shape)
    const out = be.output(shape, 'bool')
    const scratch: Values[] = []
    const [x, y] = [a, b].map((tensor) => {
      const values = be.entry(tensor).numbers
      if (values.length === out.values.length) return values
      const room = be.memoryPool.array(tensor.dtype, out.values.length)
      scratch.push(room)
      return repeated(values, tensor.shape, shape, room)
    }) as [Values, Values]
    test(x, y, out.values)
    for (const room of scratch) be.memoryPool.recycle(room)
    return out
  }

/** a < b is b > a, and a ≤ b is b ≥ a. */
const turned =
  (test: Test): Test =>
  (a, b, to) =>
    test(b, a, to)

const not: Kernel<Record<string, never>> = ({ inputs, backend: be }) => {
  const x = input(inputs, 'x')
  if (x.dtype !== 'bool') return undefined
  const [from, out] = [be.entry(x).numbers, be.output(x.shape, 'bool')]
  for (let i = 0; i < from.length; i++) out.values[i] = from[i] ? 0 : 1
  return out
}

/** One condition per value, or one per row of the first axis. */
const select = ({ inputs, backend: be }: Call) => {
  const [condition, t, e] = [input(inputs, 'condition'), input(inputs, 't'), input(inputs, 'e')]
  const whole = sizeOf(t)
  if (!isNumeric(t) || t.dtype !== e.dtype || sizeOf(e) !== whole || whole === 0 || whole % sizeOf(condition) !== 0)
    return undefined
  const [flags, yes, no] = [be.entry(condition).numbers, be.entry(t).numbers, be.entry(e).numbers]
  const { values, ...out } = be.output(t.shape, t.dtype)
  const run = whole / flags.length
  if (run === 1) for (let i = 0; i < whole; i++) values[i] = (flags[i] ? yes[i] : no[i]) as number
  else
    for (let row = 0; row < flags.length; row++)
      values.set((flags[row] ? yes : no).subarray(row * run, (row + 1) * run), row * run)
  return out
}

const { Greater, GreaterEqual } = tests as { Greater: Test; GreaterEqual: Test }

export const selecting: KernelTable = {
  ...Object.fromEntries(Object.entries(tests).map(([name, test]) => [name, relation(test)])),
  Less: relation(turned(Greater)),
  LessEqual: relation(turned(GreaterEqual)),
  LogicalNot: not,
  Select: select,
}
