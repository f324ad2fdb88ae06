/**
 * The transforms of F(4×4, 3×3), Winograd's minimal filtering (Lavin and Gray, arXiv:1509.09308), for data in blocks of
 * channels. Tiles of the image are 6×6 positions that overlap by two; a convolution becomes 36 matrix products.
 */
import { advance, type Code, FunctionBuilder, i32, type Local, several, v } from './assembler.ts'

export type WinogradName = 'tilesOfInput' | 'tilesOfOutput' | 'tilesOfGradient' | 'tilesOfFilter' | 'filterOfTiles'

const scaled = (x: Code, by: number) => v.mul(x, v.const(by))

/** Shared sums are computed once into the locals, in order; results may refer to them. */
interface Lines {
  readonly inputs: number
  readonly sums: (x: readonly Code[]) => Code[]
  readonly results: (x: readonly Code[], s: readonly Code[]) => Code[]
}

const transforms = {
  /** Bᵀ: six positions of the image. */
  input: {
    inputs: 6,
    sums: (x) => [
      v.sub(x[4]!, scaled(x[2]!, 4)),
      v.sub(x[3]!, scaled(x[1]!, 4)),
      v.sub(x[4]!, x[2]!),
      scaled(v.sub(x[3]!, x[1]!), 2),
    ],
    results: (x, s) => [
      v.add(v.sub(scaled(x[0]!, 4), scaled(x[2]!, 5)), x[4]!),
      v.add(s[0]!, s[1]!),
      v.sub(s[0]!, s[1]!),
      v.add(s[2]!, s[3]!),
      v.sub(s[2]!, s[3]!),
      v.add(v.sub(scaled(x[1]!, 4), scaled(x[3]!, 5)), x[5]!),
    ],
  },
  /** Aᵀ: six products become four positions. */
  output: {
    inputs: 6,
    sums: (x) => [v.add(x[1]!, x[2]!), v.sub(x[1]!, x[2]!), v.add(x[3]!, x[4]!), v.sub(x[3]!, x[4]!)],
    results: (x, s) => [
      v.add(v.add(x[0]!, s[0]!), s[2]!),
      v.add(s[1]!, scaled(s[3]!, 2)),
      v.add(s[0]!, scaled(s[2]!, 4)),
      v.add(v.add(s[1]!, scaled(s[3]!, 8)), x[5]!),
    ],
  },
  /** A: four positions of the gradient of the output. */
  gradient: {
    inputs: 4,
    sums: (x) => [
      v.add(x[0]!, x[2]!),
      v.add(x[1]!, x[3]!),
      v.add(x[0]!, scaled(x[2]!, 4)),
      scaled(v.add(x[1]!, scaled(x[3]!, 4)), 2),
    ],
    results: (x, s) => [
      x[0]!,
      v.add(s[0]!, s[1]!),
      v.sub(s[0]!, s[1]!),
      v.add(s[2]!, s[3]!),
      v.sub(s[2]!, s[3]!),
      x[3]!,
    ],
  },
  /** G: three taps. */
  filter: {
    inputs: 3,
    sums: (x) => [
      scaled(v.add(x[0]!, x[2]!), -1 / 6),
      scaled(x[1]!, 1 / 6),
      v.add(scaled(x[0]!, 1 / 24), scaled(x[2]!, 1 / 6)),
      scaled(x[1]!, 1 / 12),
    ],
    results: (x, s) => [
      scaled(x[0]!, 1 / 4),
      v.sub(s[0]!, s[1]!),
      v.add(s[0]!, s[1]!),
      v.add(s[2]!, s[3]!),
      v.sub(s[2]!, s[3]!),
      x[2]!,
    ],
  },
  /** Gᵀ: six sums of products become the gradient of three taps. */
  taps: {
    inputs: 6,
    sums: (x) => [v.add(x[1]!, x[2]!), v.sub(x[2]!, x[1]!), v.add(x[3]!, x[4]!), v.sub(x[3]!, x[4]!)],
    results: (x, s) => [
      v.add(v.sub(scaled(x[0]!, 1 / 4), scaled(s[0]!, 1 / 6)), scaled(s[2]!, 1 / 24)),
      v.add(scaled(s[1]!, 1 / 6), scaled(s[3]!, 1 / 12)),
      v.add(scaled(v.sub(s[2]!, s[0]!), 1 / 6), x[5]!),
    ],
  },
} as const satisfies Record<string, Lines>

/**
 * One transform along both axes of tiles. Parameters: rows and columns of tiles; the first tile and the steps of tiles
 * down and across, and of their positions down and across, for reading and then for writing; room for one tile.
 */
function tiles({ inputs, sums, results }: Lines, vectors: number): FunctionBuilder {
  const f = new FunctionBuilder()
  const parameter = () => f.parameter('i32')
  const integer = () => f.local('i32')
  const [rows, columns] = [parameter(), parameter()]
  const side = () => {
    const [start, tileDown, tileAcross, down, across] = several(5, parameter) as [Local, Local, Local, Local, Local]
    return { start, tileDown, tileAcross, down, across }
  }
  const [reading, writing] = [side(), side()]
  const room = parameter()
  const [from, to] = [reading, writing].map((each) => ({ ...each, at: integer() })) as [
    typeof reading & { at: Local },
    typeof reading & { at: Local },
  ]
  const left = integer()
  const x = several(inputs, () => f.local('v128'))
  const got = x.map(({ get }) => get)
  const held = several(sums(got).length, () => f.local('v128'))
  const made = results(
    got,
    held.map(({ get }) => get),
  )
  const moved = (pointer: Local, step: Local, times: number): Code =>
    times === 0 ? pointer.get : i32.add(pointer.get, i32.mul(step.get, i32.const(times)))
  const compute = () => sums(got).map((sum, i) => held[i]!.set(sum))

  const tile: Code[] = []
  for (let u = 0; u < vectors; u++) {
    // Down each column into the room, then across each row out of it.
    for (let column = 0; column < inputs; column++) {
      const at = i32.add(from.at.get, i32.mul(from.across.get, i32.const(column)))
      tile.push(
        ...x.map((local, row) =>
          local.set(v.load(row === 0 ? at : i32.add(at, i32.mul(from.down.get, i32.const(row))), u * 16)),
        ),
        ...compute(),
        ...made.map((result, row) => v.store(room.get, result, (row * inputs + column) * 16)),
      )
    }
    for (let row = 0; row < made.length; row++) {
      const at = moved(to.at, to.down, row)
      tile.push(
        ...x.map((local, column) => local.set(v.load(room.get, (row * inputs + column) * 16))),
        ...compute(),
        ...made.map((result, column) =>
          v.store(i32.add(at, i32.mul(to.across.get, i32.const(column))), result, u * 16),
        ),
      )
    }
  }
  return f.emit(
    f.repeat(
      rows,
      from.at.set(from.start.get),
      to.at.set(to.start.get),
      left.set(columns.get),
      f.repeat(left, ...tile, advance(from.at, from.tileAcross.get), advance(to.at, to.tileAcross.get)),
      advance(from.start, from.tileDown.get),
      advance(to.start, to.tileDown.get),
    ),
  )
}

export const winogradFunctions = (vectors: number): [WinogradName, FunctionBuilder][] => [
  ['tilesOfInput', tiles(transforms.input, vectors)],
  ['tilesOfOutput', tiles(transforms.output, vectors)],
  ['tilesOfGradient', tiles(transforms.gradient, vectors)],
  ['tilesOfFilter', tiles(transforms.filter, vectors)],
  ['filterOfTiles', tiles(transforms.taps, vectors)],
]
