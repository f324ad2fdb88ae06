/** Loops over the windows of a convolution or pooling, for data in blocks of channels. */
import { advance, type Code, FunctionBuilder, i32, type Local, several, v } from './assembler.ts'

/** Most taps in a row of a kernel whose sums are kept in registers together. */
export const mostTaps = 5
export type WindowName = 'takeMaxima' | `dotTaps${1 | 2 | 3 | 4 | 5}`

export const windowFunctions = (vectors: number): [string, FunctionBuilder][] => [
  ['takeMaxima', takeMaxima(vectors)],
  ...several(mostTaps, (i): [string, FunctionBuilder] => [`dotTaps${i + 1}`, dotTaps(i + 1, vectors)]),
]

/** Parameters or locals by name, in this order. */
const named = <N extends string>(names: readonly N[], make: () => Local) =>
  Object.fromEntries(names.map((name) => [name, make()])) as Record<N, Local>

/**
 * Gradient of a maximum over windows: dx, which is zero at first, receives dy at the first position of each window that
 * holds its maximum. The windows are visited from the last to the first, so that the values of a position are added in
 * the order of the taps. Parameters: planes, sizes of x (h, w) and y (oh, ow), of the window, its strides, its padding,
 * and the addresses.
 */
function takeMaxima(vectors: number): FunctionBuilder {
  const f = new FunctionBuilder()
  const bytes = vectors * 16
  const parameter = () => f.parameter('i32')
  const integer = () => f.local('i32')
  const { planes, h, w, oh, ow } = named(['planes', 'h', 'w', 'oh', 'ow'], parameter)
  const { kh, kw, sh, sw, top, left } = named(['kh', 'kw', 'sh', 'sw', 'top', 'left'], parameter)
  const { x, y, dy, dx } = named(['x', 'y', 'dy', 'dx'], parameter)
  const { rowsLeft, columnsLeft, downLeft, acrossLeft } = named(
    ['rowsLeft', 'columnsLeft', 'downLeft', 'acrossLeft'],
    integer,
  )
  // First position of the window and, after cutting off the padding, how far it reaches.
  const { row, column, down, across } = named(['row', 'column', 'down', 'across'], integer)
  const { rowAt, lineAt, at, of, toDx, rowBytes, planeBytes } = named(
    ['rowAt', 'lineAt', 'at', 'of', 'toDx', 'rowBytes', 'planeBytes'],
    integer,
  )
  const vector = () => f.local('v128')
  const [maximum, gradient, taken] = [several(vectors, vector), several(vectors, vector), several(vectors, vector)]
  const equal = vector()
  const scaled = (a: Code) => i32.mul(a, i32.const(bytes))
  const start = (counter: Local, stride: Local, padding: Local) =>
    i32.sub(i32.mul(i32.sub(counter.get, i32.const(1)), stride.get), padding.get)
  const zero = i32.const(0)

  const takeHere = taken.flatMap((here, u) => {
    const target = i32.add(at.get, toDx.get)
    const taking = v.and(gradient[u]!.get, v.andNot(equal.get, here.get))
    return [
      equal.set(v.eq(v.load(at.get, u * 16), maximum[u]!.get)),
      v.store(target, v.add(v.load(target, u * 16), taking), u * 16),
      here.set(v.or(here.get, equal.get)),
    ]
  })
  const load = (locals: Local[], from: Local) =>
    locals.map((local, u) => local.set(v.load(i32.add(from.get, of.get), u * 16)))
  return f.emit(
    toDx.set(i32.sub(dx.get, x.get)),
    rowBytes.set(scaled(w.get)),
    planeBytes.set(scaled(i32.mul(oh.get, ow.get))),
    f.repeat(
      planes,
      of.set(planeBytes.get),
      rowsLeft.set(oh.get),
      f.repeat(
        rowsLeft,
        row.set(start(rowsLeft, sh, top)),
        down.set(i32.max(row.get, zero)),
        rowAt.set(i32.add(x.get, i32.mul(down.get, rowBytes.get))),
        down.set(i32.sub(i32.min(i32.add(row.get, kh.get), h.get), down.get)),
        columnsLeft.set(ow.get),
        f.repeat(
          columnsLeft,
          of.set(i32.sub(of.get, i32.const(bytes))),
          ...load(maximum, y),
          ...load(gradient, dy),
          ...taken.map((local) => local.set(v.const(0))),
          column.set(start(columnsLeft, sw, left)),
          across.set(i32.max(column.get, zero)),
          lineAt.set(i32.add(rowAt.get, scaled(across.get))),
          across.set(i32.sub(i32.min(i32.add(column.get, kw.get), w.get), across.get)),
          downLeft.set(down.get),
          f.repeat(
            downLeft,
            at.set(lineAt.get),
            acrossLeft.set(across.get),
            f.repeat(acrossLeft, ...takeHere, advance(at, i32.const(bytes))),
            advance(lineAt, rowBytes.get),
          ),
        ),
      ),
      advance(x, i32.mul(h.get, rowBytes.get)),
      advance(y, planeBytes.get),
      advance(dy, planeBytes.get),
    ),
  )
}

/**
 * Adds Σ x·dy for neighbouring taps in a row of a depthwise kernel. Parameters: blocks, rows; x of the first row and its
 * steps; dy and its steps; the step of x from tap to tap; the first column that all taps share and how many they share;
 * a table with, for each tap, its first column, and how many columns it has before and after those; the sums of the
 * first tap and their step by block. Every sum runs over the columns in order.
 */
function dotTaps(taps: number, vectors: number): FunctionBuilder {
  const f = new FunctionBuilder()
  const parameter = () => f.parameter('i32')
  const integer = () => f.local('i32')
  const { blocks, rows } = named(['blocks', 'rows'], parameter)
  const { x, xBlock, xRow, xColumn } = named(['x', 'xBlock', 'xRow', 'xColumn'], parameter)
  const { dy, dyBlock, dyRow, dyColumn } = named(['dy', 'dyBlock', 'dyRow', 'dyColumn'], parameter)
  const { tapStep, shared, sharedCount, table } = named(['tapStep', 'shared', 'sharedCount', 'table'], parameter)
  const { sums, sumsBlock } = named(['sums', 'sumsBlock'], parameter)
  const { rowX, rowDy, rowsLeft, left, atDy } = named(['rowX', 'rowDy', 'rowsLeft', 'left', 'atDy'], integer)
  const atX = several(taps, integer)
  // As many channels at a time as leave registers for the sums of all taps.
  const together = Math.min(vectors, 2)
  const bytes = vectors * 16
  const totals = several(taps, () => several(together, () => f.local('v128')))
  const gradient = several(together, () => f.local('v128'))

  /** Columns from `first` on, for one tap or for all. */
  const columns = (which: readonly number[], channels: number, first: Code, count: Code): Code[] => [
    ...which.map((tap) => {
      const tapX = i32.add(rowX.get, i32.mul(tapStep.get, i32.const(tap)))
      return atX[tap]!.set(i32.add(tapX, i32.mul(first, xColumn.get)))
    }),
    atDy.set(i32.add(rowDy.get, i32.mul(first, dyColumn.get))),
    left.set(count),
    f.repeat(
      left,
      ...gradient.map((local, u) => local.set(v.load(atDy.get, channels + u * 16))),
      ...which.flatMap((tap) =>
        totals[tap]!.map((total, u) =>
          total.set(v.add(total.get, v.mul(v.load(atX[tap]!.get, channels + u * 16), gradient[u]!.get))),
        ),
      ),
      ...which.map((tap) => advance(atX[tap]!, xColumn.get)),
      advance(atDy, dyColumn.get),
    ),
  ]
  const all = several(taps, (tap) => tap)
  const entry = (tap: number, field: number): Code => i32.load(table.get, (tap * 3 + field) * 4)
  const eachTotal = (use: (total: Local, offset: number) => Code) =>
    totals.flatMap((row, tap) => row.map((total, u) => use(total, tap * bytes + u * 16)))
  const someChannels = (channels: number): Code[] => [
    ...eachTotal((total, offset) => total.set(v.load(sums.get, channels + offset))),
    rowX.set(x.get),
    rowDy.set(dy.get),
    rowsLeft.set(rows.get),
    f.repeat(
      rowsLeft,
      ...all.flatMap((tap) => columns([tap], channels, entry(tap, 0), entry(tap, 1))),
      ...columns(all, channels, shared.get, sharedCount.get),
      ...all.flatMap((tap) => columns([tap], channels, i32.add(shared.get, sharedCount.get), entry(tap, 2))),
      advance(rowX, xRow.get),
      advance(rowDy, dyRow.get),
    ),
    ...eachTotal((total, offset) => v.store(sums.get, total.get, channels + offset)),
  ]
  return f.emit(
    f.repeat(
      blocks,
      ...several(vectors / together, (group) => someChannels(group * together * 16)).flat(),
      advance(x, xBlock.get),
      advance(dy, dyBlock.get),
      advance(sums, sumsBlock.get),
    ),
  )
}
