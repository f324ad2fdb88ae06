/** Products of matrices, and reductions. */
import type { KernelRun, Translation } from '../translation.ts'
import { activation } from './elementwise.ts'
import { type KernelTable, type KernelTranslation, nameOf } from './kernel.ts'
import { turned } from './shapes.ts'
import { isWhole, spatialMean } from './windows.ts'

function product(call: KernelRun, t: Translation): void {
  const { a, b, bias } = call.inputs as { a: number; b: number; bias?: number }
  const [y] = call.outputs as [number]
  const { transposeA, transposeB } = call.attributes as { transposeA?: boolean; transposeB?: boolean }
  const left = transposeA ? turned(t, a) : t.plain(a)
  const right = transposeB ? turned(t, b) : t.plain(b)
  const layer = t.isConstant(b) && t.rank(a) === 2 && t.rank(b) === 2
  const name = t.isConstant(b) ? nameOf(t, b, 'product') : 'product'
  let result = t.builder.op(layer ? 'Gemm' : 'MatMul', [left, right], {}, name)
  if (bias !== undefined) result = t.builder.op('Add', [result, t.operand(bias, 'plain', [y])])
  t.set(y, 'plain', activation(call, t, result, 'plain'))
}

const reduction =
  (op: string): KernelTranslation =>
  (call, t) => {
    const { x } = call.inputs as { x: number }
    const [y] = call.outputs as [number]
    const { axis, reductionIndices, keepDims } = call.attributes as {
      axis?: number | number[]
      reductionIndices?: number | number[]
      keepDims?: boolean
    }
    const rank = t.rank(x)
    const given = axis ?? reductionIndices
    const axes =
      given === undefined || given === null
        ? Array.from({ length: rank }, (_, i) => i)
        : [given].flat().map((each) => (each < 0 ? each + rank : each))
    if (axes.length === 0) {
      t.alias(y, x)
      return
    }
    if (op === 'ReduceMean' && !keepDims && isWhole(axes, rank)) {
      spatialMean(call, t)
      return
    }
    // Where axes go, their order must not have changed.
    const order = keepDims ? t.orderFor([x]) : 'plain'
    const list = t.builder.ints(axes.map((each) => t.axis(x, each, order)))
    t.set(y, order, t.builder.op(op, [t.value(x, order), list], { keepdims: keepDims ? 1 : 0 }))
  }

const softmax =
  (op: string, key: string): KernelTranslation =>
  ({ inputs, outputs: [y], attributes }, t) => {
    const x = (inputs.logits ?? inputs.x) as number
    const axis = t.axis(x, (attributes[key] as number | undefined) ?? -1, 'plain')
    t.set(y as number, 'plain', t.builder.op(op, [t.plain(x)], { axis }))
  }

export const products: KernelTable = {
  BatchMatMul: product,
  _FusedMatMul: product,
  Mean: reduction('ReduceMean'),
  Sum: reduction('ReduceSum'),
  Max: reduction('ReduceMax'),
  Min: reduction('ReduceMin'),
  Prod: reduction('ReduceProd'),
  Softmax: softmax('Softmax', 'dim'),
  LogSoftmax: softmax('LogSoftmax', 'axis'),
}
