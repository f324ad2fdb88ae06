/** Elementwise kernels. */
import type { KernelRun, Order, Translation } from '../translation.ts'
import type { KernelTable, KernelTranslation } from './kernel.ts'

const binary =
  (op: string): KernelTranslation =>
  ({ inputs: { a, b }, outputs: [y] }, t) =>
    t.elementwise(op, [a as number, b as number], y as number)

const unary =
  (op: string): KernelTranslation =>
  ({ inputs: { x }, outputs: [y] }, t) =>
    t.elementwise(op, [x as number], y as number)

const clip = (t: Translation, x: string, low: number, high: number) =>
  t.builder.op('Clip', [x, t.builder.scalar(low), t.builder.scalar(high)])

/** Adding zeros returns the other operand. */
const add: KernelTranslation = (call, t) => sum(call.inputs, call.outputs[0] as number, t)

function sum(inputs: Readonly<Record<string, number>>, output: number, t: Translation): void {
  const all = Object.values(inputs)
  const same = (reference: number) =>
    t.traces.every(
      ({ tensors }) => JSON.stringify(tensors[reference]?.shape) === JSON.stringify(tensors[output]?.shape),
    )
  const kept = all.filter((reference) => t.uniform(reference) !== 0)
  const terms = kept.some((reference) => !t.isConstant(reference) && same(reference)) ? kept : all
  if (terms.length === 1) {
    t.alias(output, terms[0] as number)
    return
  }
  const order = t.orderFor(terms)
  const names = terms.map((reference) => t.operand(reference, order, terms))
  t.set(
    output,
    order,
    names.reduce((left, right) => t.builder.op('Add', [left, right])),
  )
}

const compare = (op: string): KernelTranslation => binary(op)

/** The activation that a fused kernel ends with. */
export function activation({ attributes, inputs }: KernelRun, t: Translation, x: string, order: Order): string {
  const { activation: which = 'linear', leakyreluAlpha } = attributes as {
    activation?: string
    leakyreluAlpha?: number
  }
  if (which === 'linear' || which === null) return x
  if (which === 'relu6') return clip(t, x, 0, 6)
  if (which === 'leakyrelu') return t.builder.op('LeakyRelu', [x], { alpha: { float: leakyreluAlpha ?? 0.2 } })
  if (which === 'prelu') {
    const slope = inputs.preluActivationWeights as number
    return t.builder.op('PRelu', [x, t.operand(slope, order, [slope])])
  }
  return t.builder.op({ relu: 'Relu', elu: 'Elu', sigmoid: 'Sigmoid' }[which] as string, [x])
}

/** y = x·scale + shift per channel; folded into the preceding convolution if there is one. */
const scaleShift: KernelTranslation = ({ inputs: { x, scale, shift }, outputs: [y], attributes }, t) => {
  const [from, to] = [x as number, y as number]
  const order = t.orderFor([from])
  const scaled = t.builder.op('Mul', [t.value(from, order), t.operand(scale as number, order, [from])])
  const shifted = t.builder.op('Add', [scaled, t.operand(shift as number, order, [from])])
  t.set(to, order, attributes.relu ? t.builder.op('Relu', [shifted]) : shifted)
}

const fusedBatchNorm: KernelTranslation = (call, t) => {
  const { x, mean, variance, scale, offset } = call.inputs as Record<string, number>
  const { varianceEpsilon } = call.attributes as { varianceEpsilon: number }
  const [from, to] = [x as number, call.outputs[0] as number]
  const order = t.orderFor([from])
  const part = (reference: number) => t.operand(reference, order, [from])
  const deviation = t.builder.op('Sqrt', [
    t.builder.op('Add', [part(variance as number), t.builder.scalar(varianceEpsilon)]),
  ])
  let y = t.builder.op('Div', [t.builder.op('Sub', [t.value(from, order), part(mean as number)]), deviation])
  if (scale !== undefined) y = t.builder.op('Mul', [y, part(scale)])
  if (offset !== undefined) y = t.builder.op('Add', [y, part(offset)])
  t.set(to, order, y)
}

/** Kernels that only have another name in ONNX. */
const unaryNames = {
  Abs: 'Abs',
  Ceil: 'Ceil',
  Elu: 'Elu',
  Erf: 'Erf',
  Exp: 'Exp',
  Floor: 'Floor',
  Log: 'Log',
  Neg: 'Neg',
  Reciprocal: 'Reciprocal',
  Relu: 'Relu',
  Round: 'Round',
  Selu: 'Selu',
  Sigmoid: 'Sigmoid',
  Sign: 'Sign',
  Softplus: 'Softplus',
  Sqrt: 'Sqrt',
  Tanh: 'Tanh',
  LogicalNot: 'Not',
}
const binaryNames = {
  Sub: 'Sub',
  Multiply: 'Mul',
  RealDiv: 'Div',
  Maximum: 'Max',
  Minimum: 'Min',
  Pow: 'Pow',
}
const comparisons = {
  Equal: 'Equal',
  Greater: 'Greater',
  GreaterEqual: 'GreaterOrEqual',
  Less: 'Less',
  LessEqual: 'LessOrEqual',
  LogicalAnd: 'And',
  LogicalOr: 'Or',
}
const table = (names: Readonly<Record<string, string>>, make: (op: string) => KernelTranslation): KernelTable =>
  Object.fromEntries(Object.entries(names).map(([kernel, op]) => [kernel, make(op)]))

const casts: Readonly<Record<string, number>> = { float32: 1, int32: 6, bool: 9 }

export const elementwise: KernelTable = {
  ...table(unaryNames, unary),
  ...table(binaryNames, binary),
  ...table(comparisons, compare),
  Add: add,
  AddN: add,
  Square: ({ inputs: { x }, outputs: [y] }, t) => t.elementwise('Mul', [x as number, x as number], y as number),
  SquaredDifference: ({ inputs: { a, b }, outputs: [y] }, t) => {
    const both = [a as number, b as number]
    const order = t.orderFor(both)
    const difference = t.builder.op(
      'Sub',
      both.map((each) => t.operand(each, order, both)),
    )
    t.set(y as number, order, t.builder.op('Mul', [difference, difference]))
  },
  Rsqrt: ({ inputs: { x }, outputs: [y] }, t) =>
    t.map(x as number, y as number, (name) => t.builder.op('Reciprocal', [t.builder.op('Sqrt', [name])])),
  Relu6: ({ inputs: { x }, outputs: [y] }, t) => t.map(x as number, y as number, (name) => clip(t, name, 0, 6)),
  ClipByValue: ({ inputs: { x }, outputs: [y], attributes }, t) => {
    const { clipValueMin, clipValueMax } = attributes as { clipValueMin: number; clipValueMax: number }
    t.map(x as number, y as number, (name) => clip(t, name, clipValueMin, clipValueMax))
  },
  LeakyRelu: ({ inputs: { x }, outputs: [y], attributes }, t) =>
    t.elementwise('LeakyRelu', [x as number], y as number, { alpha: { float: attributes.alpha as number } }),
  Prelu: ({ inputs: { x, alpha }, outputs: [y] }, t) => {
    const order = t.orderFor([x as number])
    t.set(
      y as number,
      order,
      t.builder.op('PRelu', [t.value(x as number, order), t.operand(alpha as number, order, [x as number])]),
    )
  },
  Step: ({ inputs: { x }, outputs: [y] }, t) => {
    t.map(x as number, y as number, (name) =>
      t.builder.op('Cast', [t.builder.op('Greater', [name, t.builder.scalar(0)])], { to: 1 }),
    )
  },
  Cast: ({ inputs: { x }, outputs: [y], attributes }, t) => {
    const { dtype } = attributes as { dtype: string }
    if (t.tensor(x as number).dtype === dtype) t.alias(y as number, x as number)
    else t.elementwise('Cast', [x as number], y as number, { to: casts[dtype] ?? 1 })
  },
  Select: ({ inputs: { condition, t: then, e: otherwise }, outputs: [y] }, t) =>
    t.elementwise('Where', [condition as number, then as number, otherwise as number], y as number),
  Identity: ({ inputs: { x }, outputs: [y] }, t) => t.alias(y as number, x as number),
  ScaleShift: scaleShift,
  FusedBatchNorm: fusedBatchNorm,
}
