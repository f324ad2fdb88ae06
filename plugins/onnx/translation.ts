/**
 * The state of a translation of kernels. Every value may exist in two orders: tfjs's (plain: channels last) and, for
 * four axes, channels first, in which ONNX convolves. An order is created when it is first needed and then kept, so
 * adjacent transpositions never arise.
 */
import type { Trace, TracedConstant, TracedKernel, TracedTensor } from '../../evaluators/profile/index.ts'
import { error, SizeFixed } from './errors.ts'
import { type Attribute, type Dimension, GraphBuilder, productOf } from './graph.ts'

export type Order = 'plain' | 'channels-first'

/** One kernel as it ran in every probe. */
export interface KernelRun {
  readonly name: string
  readonly inputs: Readonly<Record<string, number>>
  readonly outputs: readonly number[]
  readonly attributes: Readonly<Record<string, unknown>>
  readonly probes: readonly TracedKernel[]
}

/** Where an axis of [b, h, w, c] stands in [b, c, h, w]. */
const movedAxis = [0, 2, 3, 1] as const
export const CHANNELS_FIRST = [0, 3, 1, 2] as const
const CHANNELS_LAST = [0, 2, 3, 1] as const

/** The values of a tensor with its axes in another order. */
export function permuted<T extends TracedConstant['values']>(
  values: T,
  shape: readonly number[],
  order: readonly number[],
): T {
  const strides = shape.map((_, axis) => productOf(shape.slice(axis + 1)))
  const result = new (values.constructor as new (size: number) => T)(values.length)
  const dims = order.map((axis) => shape[axis] as number)
  const steps = order.map((axis) => strides[axis] as number)
  const index = new Array<number>(dims.length).fill(0)
  let from = 0
  for (let at = 0; at < values.length; at++) {
    result[at] = values[from] as number
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      from += steps[axis] as number
      index[axis] = index[axis]! + 1
      if (index[axis]! < dims[axis]!) break
      from -= steps[axis]! * dims[axis]!
      index[axis] = 0
    }
  }
  return result
}

export class Translation {
  readonly builder = new GraphBuilder()
  private readonly names = new Map<string, string>()
  private readonly first: Trace

  constructor(readonly traces: readonly Trace[]) {
    this.first = traces[0] as Trace
    const input = this.builder.name('input')
    const symbols = ['batch', 'height', 'width', 'channels']
    this.builder.graph.inputs.push({ name: input, type: 'float32', dims: this.symbolic(this.first.input, symbols) })
    this.set(this.first.input, 'plain', input)
  }

  /** Names the output, in tfjs's order. */
  finish(): void {
    const { output } = this.first
    const name = this.builder.op('Identity', [this.plain(output)], {}, 'output')
    const dims = this.symbolic(output, ['batch', 'output_height', 'output_width', 'output_channels'])
    this.builder.graph.outputs.push({ name, type: 'float32', dims })
  }

  private symbolic(reference: number, symbols: readonly string[]): Dimension[] {
    return this.dims(reference).map((size, axis) => size ?? symbols[axis] ?? `axis_${axis}`)
  }

  tensor(reference: number): TracedTensor {
    return this.first.tensors[reference] as TracedTensor
  }

  rank(reference: number): number {
    return this.tensor(reference).shape.length
  }

  /** Shapes in every probe. */
  shapes(reference: number): readonly (readonly number[])[] {
    return this.traces.map((trace) => (trace.tensors[reference] as TracedTensor).shape)
  }

  /** Sizes that are the same in every probe; undefined for those that stay open. */
  dims(reference: number): (number | undefined)[] {
    const [first, ...others] = this.shapes(reference) as [readonly number[], ...(readonly number[])[]]
    return first.map((size, axis) => (others.every((shape) => shape[axis] === size) ? size : undefined))
  }

  isConstant(reference: number): boolean {
    return this.first.constants.has(reference)
  }

  /** The values of a constant that is the same in every probe. */
  constant(reference: number): TracedConstant | undefined {
    const constant = this.first.constants.get(reference)
    if (!constant) return undefined
    if (this.dims(reference).includes(undefined))
      throw new SizeFixed(`a constant of shape [${constant.shape}] grows with the input`)
    checkFinite(constant)
    return constant
  }

  set(reference: number, order: Order, name: string): void {
    this.names.set(`${order} ${reference}`, name)
  }

  has(reference: number, order: Order): boolean {
    return this.names.has(`${order} ${reference}`)
  }

  /** The second value is the first one. */
  alias(reference: number, of: number): void {
    for (const order of ['plain', 'channels-first'] as const) {
      const name = this.names.get(`${order} ${of}`)
      if (name !== undefined) this.set(reference, order, name)
    }
    if (this.isConstant(of)) this.set(reference, 'plain', this.plain(of))
  }

  plain(reference: number): string {
    return this.value(reference, 'plain')
  }

  /** Of a value with four axes. */
  channelsFirst(reference: number): string {
    return this.value(reference, 'channels-first')
  }

  value(reference: number, order: Order): string {
    const known = this.names.get(`${order} ${reference}`)
    if (known !== undefined) return known
    const other = this.names.get(`${order === 'plain' ? 'channels-first' : 'plain'} ${reference}`)
    if (other === undefined && !this.isConstant(reference)) throw new Error(`value ${reference} was never made`)
    const perm = order === 'plain' ? CHANNELS_LAST : CHANNELS_FIRST
    const made =
      other === undefined ? this.wholeConstant(reference, order) : this.builder.op('Transpose', [other], { perm })
    this.set(reference, order, made)
    return made
  }

  /** The order in which an operation on these values needs the fewest transpositions. */
  orderFor(references: readonly number[]): Order {
    const dependent = references.filter((reference) => !this.isConstant(reference))
    const possible = dependent.every((reference) => this.rank(reference) === 4)
    return possible && dependent.some((reference) => this.has(reference, 'channels-first')) ? 'channels-first' : 'plain'
  }

  /** An axis of tfjs's order, counted in `order`. */
  axis(reference: number, axis: number, order: Order): number {
    const positive = axis < 0 ? axis + this.rank(reference) : axis
    return order === 'plain' ? positive : movedAxis[positive]!
  }

  /** A dependent value in its order, or a constant in a form that broadcasts against such values. */
  operand(reference: number, order: Order, against: readonly number[]): string {
    const constant = this.first.constants.get(reference)
    if (!constant) return this.value(reference, order)
    checkFinite(constant)
    const known = this.names.get(`operand-${order} ${reference}`)
    if (known !== undefined) return known
    const spreads = against.some((other) => !this.isConstant(other) && this.covers(other, reference))
    const name = spreads ? this.broadcast(constant, reference, order) : this.value(reference, order)
    if (spreads) this.set(reference, `operand-${order}` as Order, name)
    return name
  }

  /** One node that treats all elements alike, constants broadcast. */
  elementwise(op: string, inputs: readonly number[], output: number, attributes: Record<string, Attribute> = {}): void {
    const order = this.orderFor(inputs)
    const names = inputs.map((reference) => this.operand(reference, order, inputs))
    this.set(output, order, this.builder.op(op, names, attributes))
  }

  /** Further nodes on one value, in whatever order it has. */
  map(input: number, output: number, make: (name: string) => string): void {
    const order = this.orderFor([input])
    this.set(output, order, make(this.value(input, order)))
  }

  /** Whether a constant is one number throughout, in every probe. */
  uniform(reference: number): number | undefined {
    const [value] = this.first.constants.get(reference)?.values ?? []
    if (value === undefined) return undefined
    const same = this.traces.every((trace) =>
      (trace.constants.get(reference) as TracedConstant).values.every((each) => each === value),
    )
    return same ? value : undefined
  }

  /** Whether broadcasting `constant` against `other` gives other's shape. */
  covers(other: number, constant: number): boolean {
    return this.traces.every((trace) => {
      const [big, small] = [other, constant].map((reference) => (trace.tensors[reference] as TracedTensor).shape)
      const skipped = (big as number[]).length - (small as number[]).length
      return skipped >= 0 && (small as number[]).every((size, axis) => size === 1 || size === big?.[axis + skipped])
    })
  }

  private broadcast(constant: TracedConstant, reference: number, order: Order): string {
    const name = constant.name ?? 'constant'
    const uniform = this.uniform(reference)
    if (uniform !== undefined) return this.made(constant.values.slice(0, 1), [], name)
    const { values, shape } = this.oneRow(constant, reference)
    if (order === 'plain' || shape.length === 0) return this.made(values, shape, name)
    const four = [...new Array<number>(4 - shape.length).fill(1), ...shape]
    const dims = CHANNELS_FIRST.map((axis) => four[axis] as number)
    return this.made(permuted(values, four, CHANNELS_FIRST), dims, name)
  }

  /** A constant whose rows are all the same for every size of the batch, cut to one row. */
  private oneRow(constant: TracedConstant, reference: number): Pick<TracedConstant, 'values' | 'shape'> {
    const dims = this.dims(reference)
    if (!dims.includes(undefined)) return constant
    const [rows = 1, ...rest] = constant.shape
    const size = productOf(rest)
    const same = constant.values.every((value, i) => value === constant.values[i % size])
    if (dims.indexOf(undefined) !== 0 || dims.lastIndexOf(undefined) !== 0 || !same || rows * size === 0)
      throw new SizeFixed(`a constant of shape [${constant.shape}] grows with the input`)
    return { values: constant.values.slice(0, size), shape: [1, ...rest] }
  }

  /** A constant with all its elements, repeated at run time where its size is open. */
  private wholeConstant(reference: number, order: Order): string {
    const constant = this.first.constants.get(reference) as TracedConstant
    checkFinite(constant)
    const dims = this.dims(reference)
    if (!dims.includes(undefined)) {
      const name = constant.name ?? 'constant'
      if (order === 'plain') return this.made(constant.values, constant.shape, name)
      const turned = CHANNELS_FIRST.map((axis) => constant.shape[axis] as number)
      return this.made(permuted(constant.values, constant.shape, CHANNELS_FIRST), turned, name)
    }
    const { shape } = this.oneRow(constant, reference)
    const row = this.broadcast(constant, reference, order)
    const inOrder = order === 'plain' ? shape : CHANNELS_FIRST.map((axis) => shape[axis] as number)
    return this.builder.op('Expand', [row, this.openShape(inOrder.slice(1))])
  }

  private made(values: TracedConstant['values'], dims: readonly number[], name: string): string {
    const flags = values instanceof Uint8Array
    return this.builder.constant(numbers(values), dims, name, flags ? 'bool' : undefined)
  }

  /** [batch of the input, …rest] as a value. */
  openShape(rest: readonly number[]): string {
    const input = this.builder.graph.inputs[0]?.name as string
    const batch = this.builder.op('Shape', [input], { start: 0, end: 1 })
    return rest.length === 0 ? batch : this.builder.op('Concat', [batch, this.builder.ints(rest)], { axis: 0 })
  }
}

export const numbers = (values: TracedConstant['values']): Float32Array | Int32Array =>
  values instanceof Uint8Array ? Int32Array.from(values) : values

function checkFinite({ values, name = 'a constant' }: TracedConstant): void {
  if (!(values instanceof Float32Array)) return
  let bad = 0
  for (const value of values) if (!Number.isFinite(value)) bad++
  if (bad > 0) throw error('ARCHLOOM_ONNX_NOT_FINITE', { constant: name, values: bad, of: values.length })
}
