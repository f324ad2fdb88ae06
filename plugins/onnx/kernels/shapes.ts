/** Kernels that move values without changing them. */
import { SizeFixed } from '../errors.ts'
import { type KernelRun, type Order, permuted, type Translation } from '../translation.ts'
import type { KernelTable, KernelTranslation } from './kernel.ts'

/** An end beyond every size. */
const END = 2 ** 31 - 1
const one = (values: readonly number[]): number => values[0] as number
const isOne = (values: readonly number[]) => values.every((value) => value === values[0])

/** The sizes to reshape to, at most one of them left open. */
function targetOf(t: Translation, from: number, to: number): number[] {
  const sizes = t.dims(to)
  const open = sizes.flatMap((size, axis) => (size === undefined ? [axis] : []))
  if (open.length <= 1) return sizes.map((size) => size ?? -1)
  // 0 copies a size; one more may be left to be found.
  const kept = open.filter((axis) =>
    t.shapes(to).every((shape, probe) => shape[axis] === t.shapes(from)[probe]?.[axis]),
  )
  if (open.length - kept.length > 1) throw new SizeFixed(`sizes [${t.tensor(to).shape}] mix several open ones`)
  return sizes.map((size, axis) => size ?? (kept.includes(axis) ? 0 : -1))
}

const isPixel = (dims: readonly (number | undefined)[]) => dims.length === 4 && dims[1] === 1 && dims[2] === 1

const reshape: KernelTranslation = ({ inputs, outputs: [y] }, t) => {
  const [x, to] = [Object.values(inputs)[0] as number, y as number]
  const [before, after] = [t.dims(x), t.dims(to)]
  const unchanged = t.shapes(x).every((shape, probe) => `${shape}` === `${t.shapes(to)[probe]}`)
  if (unchanged) t.alias(to, x)
  else if (before.length === 2 && isPixel(after))
    t.set(to, 'channels-first', t.builder.op('Reshape', [t.plain(x), t.builder.ints([0, after[3] ?? -1, 1, 1])]))
  else if (isPixel(before) && after.length === 2 && t.has(x, 'channels-first'))
    t.set(to, 'plain', t.builder.op('Flatten', [t.channelsFirst(x)], { axis: 1 }))
  else t.set(to, 'plain', t.builder.op('Reshape', [t.plain(x), t.builder.ints(targetOf(t, x, to))]))
}

const listOf = (inputs: Readonly<Record<string, number>>) => Object.values(inputs)

const concat: KernelTranslation = ({ inputs, outputs: [y], attributes }, t) => {
  const parts = listOf(inputs)
  const order = t.orderFor(parts)
  const names = parts.map((reference) => t.value(reference, order))
  const axis = t.axis(y as number, attributes.axis as number, order)
  t.set(y as number, order, names.length === 1 ? (names[0] as string) : t.builder.op('Concat', names, { axis }))
}

const slice: KernelTranslation = (call, t) => {
  const { x } = call.inputs as { x: number }
  const [y] = call.outputs as [number]
  const begins = call.probes.map(({ attributes }) => [attributes.begin].flat() as number[])
  const order = t.orderFor([x])
  const cuts: { axis: number; start: number; end: number }[] = []
  t.dims(x).forEach((_, axis) => {
    const starts = begins.map((begin) => begin[axis] ?? 0)
    const lengths = t.shapes(x).map((shape) => shape[axis]!)
    const sizes = t.shapes(y).map((shape) => shape[axis] as number)
    const toTheEnd = lengths.every((length, probe) => starts[probe]! + sizes[probe]! === length)
    // Counted from the end, as −1 for the last position, where the start depends on the size.
    const behind = starts.map((start, probe) => start - lengths[probe]!)
    const [start] = isOne(starts) ? starts : behind
    if ((!isOne(starts) && !isOne(behind)) || (!toTheEnd && !isOne(sizes)))
      throw new SizeFixed('a part is cut out at a place that depends on the size')
    if (start !== 0 || !toTheEnd)
      cuts.push({ axis: t.axis(x, axis, order), start: start!, end: toTheEnd ? END : start! + one(sizes) })
  })
  if (cuts.length === 0) {
    t.alias(y, x)
    return
  }
  const list = (of: (cut: (typeof cuts)[0]) => number) => t.builder.ints(cuts.map(of))
  const [starts, ends, axes] = [list(({ start }) => start), list(({ end }) => end), list(({ axis }) => axis)]
  t.set(y, order, t.builder.op('Slice', [t.value(x, order), starts, ends, axes]))
}

/** Pads before and behind, in the order of the value: [begins…, ends…]. */
function padsOf(call: KernelRun, t: Translation, x: number, order: Order): string {
  const all = call.probes.map(({ attributes }) => attributes.paddings as [number, number][])
  const [paddings] = all as [[number, number][]]
  if (all.some((each) => `${each}` !== `${paddings}`)) throw new SizeFixed('padding depends on the size')
  const pads = new Array<number>(paddings.length * 2).fill(0)
  paddings.forEach(([before, after], axis) => {
    const at = t.axis(x, axis, order)
    pads[at] = before
    pads[at + paddings.length] = after
  })
  return t.builder.ints(pads)
}

const pad: KernelTranslation = (call, t) => {
  const { x } = call.inputs as { x: number }
  const { constantValue = 0 } = call.attributes as { constantValue?: number }
  const order = t.orderFor([x])
  const names = [t.value(x, order), padsOf(call, t, x, order), t.builder.scalar(constantValue)]
  t.set(call.outputs[0] as number, order, t.builder.op('Pad', names, { mode: 'constant' }))
}

const mirrorPad: KernelTranslation = (call, t) => {
  const { x } = call.inputs as { x: number }
  const { mode } = call.attributes as { mode: string }
  const order = t.orderFor([x])
  const names = [t.value(x, order), padsOf(call, t, x, order)]
  t.set(call.outputs[0] as number, order, t.builder.op('Pad', names, { mode }))
}

const transpose: KernelTranslation = ({ inputs, outputs: [y], attributes }, t) => {
  const x = inputs.x as number
  const rank = t.rank(x)
  const perm = (attributes.perm as number[] | null) ?? Array.from({ length: rank }, (_, axis) => rank - 1 - axis)
  if (perm.every((axis, at) => axis === at)) t.alias(y as number, x)
  else t.set(y as number, 'plain', t.builder.op('Transpose', [t.plain(x)], { perm }))
}

const split: KernelTranslation = (call, t) => {
  const { x } = call.inputs as { x: number }
  const order = t.orderFor([x])
  const { axis } = call.attributes as { axis: number }
  const positive = t.axis(x, axis, 'plain')
  const sizes = call.outputs.map((output) => t.dims(output)[positive])
  if (sizes.includes(undefined)) throw new SizeFixed('an axis of open size is split')
  const names = t.builder.ops(
    'Split',
    [t.value(x, order), t.builder.ints(sizes as number[])],
    call.outputs.length,
    { axis: t.axis(x, axis, order) },
    'split',
  )
  call.outputs.forEach((output, i) => {
    t.set(output, order, names[i] as string)
  })
}

const unpack: KernelTranslation = (call, t) => {
  const x = call.inputs.value as number
  const axis = t.axis(x, call.attributes.axis as number, 'plain')
  const parts = t.builder.ops('Split', [t.plain(x)], call.outputs.length, { axis, num_outputs: call.outputs.length })
  call.outputs.forEach((output, i) => {
    t.set(output, 'plain', t.builder.op('Squeeze', [parts[i] as string, t.builder.ints([axis])]))
  })
}

const pack: KernelTranslation = ({ inputs, outputs: [y], attributes }, t) => {
  const axis = t.axis(y as number, attributes.axis as number, 'plain')
  const parts = listOf(inputs).map((reference) =>
    t.builder.op('Unsqueeze', [t.plain(reference), t.builder.ints([axis])]),
  )
  t.set(y as number, 'plain', t.builder.op('Concat', parts, { axis }))
}

const reverse: KernelTranslation = ({ inputs, outputs: [y], attributes }, t) => {
  const x = inputs.x as number
  const order = t.orderFor([x])
  const axes = [attributes.dims].flat().map((axis) => t.axis(x, axis as number, order))
  if (axes.length === 0) {
    t.alias(y as number, x)
    return
  }
  const all = (value: number) => t.builder.ints(axes.map(() => value))
  const names = [t.value(x, order), all(-1), all(-END), t.builder.ints(axes), all(-1)]
  t.set(y as number, order, t.builder.op('Slice', names))
}

const tile: KernelTranslation = (call, t) => {
  const { x } = call.inputs as { x: number }
  const all = call.probes.map(({ attributes }) => attributes.reps as number[])
  const [reps] = all as [number[]]
  if (all.some((each) => `${each}` !== `${reps}`)) throw new SizeFixed('a value is repeated as often as the size says')
  t.set(call.outputs[0] as number, 'plain', t.builder.op('Tile', [t.plain(x), t.builder.ints(reps)]))
}

const gather: KernelTranslation = ({ inputs: { x, indices }, outputs: [y], attributes }, t) => {
  const { axis } = attributes as { axis: number }
  const names = [t.plain(x as number), t.plain(indices as number)]
  t.set(y as number, 'plain', t.builder.op('Gather', names, { axis: t.axis(x as number, axis, 'plain') }))
}

export const shapes: KernelTable = {
  Reshape: reshape,
  ExpandDims: reshape,
  Concat: concat,
  Slice: slice,
  PadV2: pad,
  MirrorPad: mirrorPad,
  Transpose: transpose,
  SplitV: split,
  Unpack: unpack,
  Pack: pack,
  Reverse: reverse,
  Tile: tile,
  GatherV2: gather,
}

/** The last two axes of a constant or value changed places. */
export function turned(t: Translation, reference: number): string {
  const rank = t.rank(reference)
  const perm = Array.from({ length: rank }, (_, axis) => axis)
  perm.splice(rank - 2, 2, rank - 1, rank - 2)
  const constant = t.constant(reference)
  if (!constant) return t.builder.op('Transpose', [t.plain(reference)], { perm })
  const dims = perm.map((axis) => constant.shape[axis] as number)
  const values = permuted(constant.values as Float32Array, constant.shape, perm)
  return t.builder.constant(values, dims, constant.name ?? 'matrix')
}
