/** Sums and extremes over axes, softmax: an ONNX node if the cpu kernel would transpose first. */
import * as tf from '@tensorflow/tfjs-core'
import { sumOver } from '../../../core/tensor/mends/sums.ts'
import type { Values } from '../storage.ts'
import type { Floats } from './blocked.ts'
import { channelSums } from './channels.ts'
import { aligned, hasNaN, total, worthGraph } from './elementwise.ts'
import { type Call, floats, input, type KernelTable } from './kernel.ts'

interface ReduceAttributes {
  readonly axis?: number | number[]
  /** The name of the axes of Max in tfjs. */
  readonly reductionIndices?: number | number[]
  readonly keepDims: boolean
}

/** Number of terms above which a sum in single precision is not accurate enough. */
const manyTerms = 4096

const sizeOf = tf.util.sizeFromShape

const reduce =
  (op: 'ReduceSum' | 'ReduceMean' | 'ReduceMax' | 'ReduceMin') =>
  ({ inputs, attrs, backend: be }: Call<ReduceAttributes>): tf.TensorInfo | undefined => {
    const x = input(inputs, 'x')
    // An empty list of axes means every axis.
    const given = attrs.reductionIndices ?? attrs.axis
    const axes = tf.util.parseAxisParam(given as number[], x.shape).sort((a, b) => a - b)
    const size = sizeOf(x.shape)
    if (!floats(x) || size < worthGraph || axes.length === 0) return undefined
    const rank = x.shape.length
    const shape = x.shape.flatMap((length, axis) => (axes.includes(axis) ? (attrs.keepDims ? [1] : []) : [length]))
    const perChannel = rank > 1 && axes.length === rank - 1 && !axes.includes(rank - 1)
    const wholeBlocks = x.shape[rank - 1]! % be.layout.block === 0 || !be.entry(x).hasPlain
    if (perChannel && wholeBlocks && (op === 'ReduceSum' || op === 'ReduceMean')) {
      const count = size / x.shape[rank - 1]!
      return channelSums(be, x, shape, op === 'ReduceMean' ? 1 / count : 1)
    }
    if (axes.length === rank && (op === 'ReduceSum' || op === 'ReduceMean')) {
      const out = be.output(shape)
      out.values[0] = total(be, aligned(be, [x])[0] as Floats) / (op === 'ReduceMean' ? size : 1)
      return out
    }
    // Innermost axes are one run of values, summed in double precision.
    if (axes[0] === rank - axes.length && (op === 'ReduceSum' || op === 'ReduceMean'))
      return sumsOfRuns(be.entry(x).numbers, be.output(shape), op === 'ReduceMean')
    // ONNX Runtime adds the values one by one in single precision; over many values, the sum stops growing.
    if ((op === 'ReduceSum' || op === 'ReduceMean') && size / sizeOf(shape) > manyTerms) {
      const out = be.output(shape)
      const { totals } = sumOver(be.entry(x).numbers, x.shape, axes)
      for (let i = 0; i < totals.length; i++)
        out.values[i] = totals[i]! / (op === 'ReduceMean' ? size / totals.length : 1)
      return out
    }
    // ONNX Runtime may lose a NaN, depending on its position; the cpu kernel never does.
    if ((op === 'ReduceMax' || op === 'ReduceMin') && hasNaN(be, be.entry(x).numbers as Floats)) return undefined
    const out = be.output(shape)
    be.sessions.run(
      `${op} ${x.shape} ${axes} ${attrs.keepDims}`,
      (g) => {
        const name = g.input('x', x.shape)
        // ReduceSum takes its axes as an input since opset 13, the others as an attribute until 18.
        const y =
          op === 'ReduceSum'
            ? g.op(op, [name, g.ints(axes)], { keepdims: Number(attrs.keepDims ?? false) })
            : g.op(op, [name], { axes, keepdims: Number(attrs.keepDims ?? false) })
        g.output(y, shape)
      },
      size,
      [be.entry(x).numbers],
      [out.values],
    )
    return out
  }

function sumsOfRuns(x: Values, out: tf.TensorInfo & { values: Values }, mean: boolean) {
  const run = x.length / out.values.length
  for (let i = 0; i < out.values.length; i++) {
    let sum = 0
    for (let k = i * run; k < (i + 1) * run; k++) sum += x[k] as number
    out.values[i] = mean ? sum / run : sum
  }
  return out
}

const softmax =
  (op: 'Softmax' | 'LogSoftmax', axisOf: (attrs: Record<string, number>, rank: number) => number) =>
  ({ inputs, attrs, backend: be }: Call<Record<string, number>>) => {
    const logits = input(inputs, 'logits')
    const size = sizeOf(logits.shape)
    const rank = logits.shape.length
    const axis = axisOf(attrs, rank)
    if (!floats(logits) || size < worthGraph || (axis !== -1 && axis !== rank - 1)) return undefined
    const out = be.output(logits.shape)
    be.sessions.run(
      `${op} ${logits.shape}`,
      (g) => g.output(g.op(op, [g.input('x', logits.shape)], { axis: -1 }), logits.shape),
      size * 10,
      [be.entry(logits).numbers],
      [out.values],
    )
    return out
  }

export const reductions: KernelTable = {
  Sum: reduce('ReduceSum'),
  Mean: reduce('ReduceMean'),
  Max: reduce('ReduceMax'),
  Min: reduce('ReduceMin'),
  Softmax: softmax('Softmax', ({ dim }) => dim as number),
  LogSoftmax: softmax('LogSoftmax', ({ axis }) => axis as number),
}
