import { defineSpace, type Genotype, oneOf, product, repeat, type SearchSpace, sumAtMost } from '../../../core/index.ts'
import { optionError } from '../../../core/options/index.ts'
import { readRows } from '../../../evaluators/tabular/index.ts'
import { formatNatsBenchSize, natsBenchSizeSpace } from '../../../search-spaces/nas-bench-201/index.ts'
import {
  formatTransNasMacro,
  formatTransNasMicro,
  transNasMacroSpace,
  transNasMicroSpace,
} from '../../../search-spaces/transnas-bench-101/index.ts'
import type { Problem } from './problems.ts'

interface FileSpace<A> {
  readonly space: SearchSpace<A>
  /** The text under which the table holds an architecture. Undefined if input and output are not connected. */
  textOf(architecture: A): string | undefined
  /** The same text of what the column `architecture` holds. */
  rowText(text: string): string | undefined
}

const named = <A>(space: SearchSpace<A>, textOf: (architecture: A) => string): FileSpace<unknown> =>
  ({ space, textOf, rowText: (text: string) => text }) as FileSpace<unknown>

/** Spaces whose tables are converted from a published file with `archloom table convert`. */
const fileSpaces = {
  'nats-size': () => named(natsBenchSizeSpace(), formatNatsBenchSize),
  transnas: () => named(transNasMicroSpace(), formatTransNasMicro),
  'transnas-macro': () => named(transNasMacroSpace(), formatTransNasMacro),
  nb101: () => nasBench101() as FileSpace<unknown>,
} as const
export type FileSpaceName = keyof typeof fileSpaces
export const fileSpaceNames = Object.keys(fileSpaces) as readonly FileSpaceName[]
export const isFileSpace = (name: string): name is FileSpaceName => Object.hasOwn(fileSpaces, name)

const VERTICES = 7
const cellOperations = ['conv1x1-bn-relu', 'conv3x3-bn-relu', 'maxpool3x3'] as const

/** The cells of NAS-Bench-101: seven vertices, at most nine edges among the 21 possible ones, three operations. */
function nasBench101(): FileSpace<{ readonly edges: readonly boolean[]; readonly operations: readonly string[] }> {
  const edges = (VERTICES * (VERTICES - 1)) / 2
  const space = defineSpace(
    'nas-bench-101',
    product({
      edges: repeat(edges, () => oneOf(false, true)),
      operations: repeat(VERTICES - 2, () => oneOf(...cellOperations)),
    }),
    {
      constraints: [
        sumAtMost(
          Array.from({ length: edges }, (_, i) => `edges.${i}`),
          9,
          (isEdge) => (isEdge ? 1 : 0),
        ),
      ],
    },
  )
  return {
    space: space as never,
    textOf({ edges: flags, operations }) {
      const matrix = Array.from({ length: VERTICES }, () => Array<boolean>(VERTICES).fill(false))
      let at = 0
      for (let from = 0; from < VERTICES; from++)
        for (let to = from + 1; to < VERTICES; to++) matrix[from]![to] = flags[at++]!
      return canonicalCell(matrix, ['input', ...operations, 'output'])
    },
    rowText(text) {
      const [bits = '', operations = ''] = text.split(' ')
      const names = operations.split(',')
      const n = names.length
      const matrix = Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => bits[i * n + j] === '1'))
      return canonicalCell(matrix, names)
    },
  }
}

/**
 * One text for all cells that are the same graph: vertices that lie on no path from input to output are left out, and of
 * all orders of the inner vertices, the one whose text sorts first is taken. Undefined if no path leads to the output.
 */
export function canonicalCell(
  matrix: readonly (readonly boolean[])[],
  operations: readonly string[],
): string | undefined {
  const last = operations.length - 1
  const reach = (start: number, isEdge: (from: number, to: number) => boolean) => {
    const found = new Set([start])
    for (const from of found) for (let to = 0; to <= last; to++) if (isEdge(from, to)) found.add(to)
    return found
  }
  const ahead = reach(0, (from, to) => matrix[from]![to]!)
  const behind = reach(last, (to, from) => matrix[from]![to]!)
  if (!ahead.has(last)) return undefined
  const inner: number[] = []
  for (let i = 1; i < last; i++) if (ahead.has(i) && behind.has(i)) inner.push(i)
  let smallest: string | undefined
  for (const order of ordersOf(inner)) {
    const vertices = [0, ...order, last]
    const text = `${vertices.map((i) => vertices.map((j) => Number(matrix[i]![j]!)).join('')).join('')} ${order.map((i) => operations[i]).join()}`
    if (smallest === undefined || text < smallest) smallest = text
  }
  return smallest
}

function* ordersOf(items: readonly number[]): Generator<readonly number[], void, void> {
  if (items.length === 0) return yield []
  for (const [i, first] of items.entries())
    for (const rest of ordersOf(items.filter((_, k) => k !== i))) yield [first, ...rest]
}

export interface FileProblemOptions {
  readonly space: FileSpaceName
  /** The converted table, CSV or JSON. */
  readonly table?: string
  readonly protocol: 'honest' | 'oracle'
  /** The reported column. Default: the first that begins with `test`. */
  readonly reports?: string
  /** The column by which a search chooses under the honest protocol. Default: the reported one's for validation. */
  readonly chooses?: string
}

/** Worth: what the table reports of the architecture that the search would choose. Larger must be better. */
export function fileProblem({ space: name, table, protocol, ...columns }: FileProblemOptions): Problem {
  const where = 'bench'
  if (table === undefined)
    throw optionError(where, 'table', table, `the file that "archloom table convert" wrote, for the space ${name}`)
  const { space, textOf, rowText } = fileSpaces[name]()
  const rows = readRows(table).filter(({ fidelity = 1 }) => fidelity === 1)
  const known = Object.keys(rows[0]?.metrics ?? {})
  const { reports = known.find((column) => column.startsWith('test')) } = columns
  const { chooses = reports?.replace(/^test/, 'validation') } = columns
  const asked = protocol === 'oracle' ? { reports } : { reports, chooses }
  for (const [option, column] of Object.entries(asked))
    if (column === undefined || !known.includes(column))
      throw optionError(where, option, column, `one of the columns ${known.join(', ')}`)
  const metrics = new Map(rows.map((row) => [rowText(row.architecture), row.metrics]))
  const column = (protocol === 'oracle' ? reports : chooses) as string
  const worst = { [column]: Math.min(...rows.map((row) => row.metrics[column]!)), [reports!]: Math.min(...rows.map((row) => row.metrics[reports!]!)) } // biome-ignore format: one line
  // What the table does not hold, such as a cell without a path to its output, counts as its worst.
  const of = (genotype: Genotype) => {
    const text = textOf(space.decode(genotype))
    return (text === undefined ? undefined : metrics.get(text)) ?? worst
  }
  return {
    name: `${name} of ${table}, ${protocol} protocol`,
    space: space as SearchSpace,
    unit: reports!,
    objectivesOf: (genotype) => [of(genotype)[column]!],
    worths(genotypes, at) {
      let chosen: Readonly<Record<string, number>> | undefined
      const course = genotypes.map((genotype) => {
        const found = of(genotype)
        if (!chosen || found[column]! > chosen[column]!) chosen = found
        return chosen[reports!]!
      })
      return at.map((n) => course[Math.min(n, course.length) - 1]!)
    },
    best: Math.max(...rows.map((row) => row.metrics[reports!]!)),
    near: 1e-9,
  }
}
