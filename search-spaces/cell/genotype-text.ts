import type { SearchSpace } from '../../core/space/index.ts'
import { error } from '../errors.ts'
import { type OperationName, operationNames } from '../operations/edge-operations.ts'
import type { CellArchitecture, CellEdge, CellNode } from './space.ts'

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)
const edgesOf = (cell: readonly CellNode[]) => cell.flatMap(({ left, right }) => [left, right])

/**
 * Formats cells in the notation of papers on this space: two (operation, input) pairs per node, all nodes
 * concatenated.
 */
export function formatDartsGenotype({ normal, reduction }: CellArchitecture): string {
  const edges = (cell: readonly CellNode[]) => edgesOf(cell).map(({ op, input }) => `('${op}', ${input})`)
  const concat = (cell: readonly CellNode[]) => range(2, cell.length + 2).join(', ')
  const part = (name: string, cell: readonly CellNode[]) =>
    `${name}=[${edges(cell).join(', ')}], ${name}_concat=[${concat(cell)}]`
  return `Genotype(${part('normal', normal)}, ${part('reduce', reduction)})`
}

/**
 * Parses this notation, with lists or `range(2, 6)` for the concatenation, which must contain all nodes. With a space,
 * the architecture is checked against it and has its type. Throws ARCHLOOM_ARCHITECTURE_TEXT, and the space's own
 * errors.
 */
export function parseDartsGenotype<A extends CellArchitecture = CellArchitecture>(
  text: string,
  space?: SearchSpace<A>,
): A {
  const architecture = {
    normal: parseCell(text, 'normal'),
    reduction: parseCell(text, 'reduce'),
  } as CellArchitecture as A
  return space ? space.decode(space.encode(architecture)) : architecture
}

function parseCell(text: string, name: 'normal' | 'reduce'): readonly CellNode[] {
  const refuse = (expected: string) =>
    error('ARCHLOOM_ARCHITECTURE_TEXT', { format: 'DARTS genotype', received: text, expected })
  const list = new RegExp(`\\b${name}\\s*=\\s*\\[([^\\]]*)\\]`).exec(text)?.[1]
  if (list === undefined) throw refuse(`${name}=[('operation', input), …]`)
  const pairs = [...list.matchAll(/\(\s*['"]([^'"]*)['"]\s*,\s*(\d+)\s*\)/g)]
  const rest = list.replace(/\(\s*['"][^'"]*['"]\s*,\s*\d+\s*\)/g, '').replace(/[\s,]/g, '')
  if (rest !== '' || pairs.length === 0 || pairs.length % 2 !== 0)
    throw refuse(`${name} to hold two ('operation', input) pairs per node`)
  const edges = pairs.map(([, op, input], index): CellEdge => {
    const node = Math.floor(index / 2)
    if (!operationNames.includes(op as OperationName))
      throw refuse(`operations among ${operationNames.join(', ')}, not ${op}`)
    if (Number(input) > node + 1) throw refuse(`inputs of node ${node + 2} among 0 to ${node + 1}, not ${input}`)
    return { input: Number(input), op: op as OperationName }
  })
  const nodes = range(0, edges.length / 2)
  const concat = new RegExp(
    `\\b${name}_concat\\s*=\\s*(?:\\[([\\d,\\s]*)\\]|range\\(\\s*(\\d+)\\s*,\\s*(\\d+)\\s*\\))`,
  ).exec(text)
  const joined =
    concat?.[1] === undefined ? range(Number(concat?.[2]), Number(concat?.[3])) : concat[1].split(',').map(Number)
  if (concat && joined.join() !== nodes.map((node) => node + 2).join())
    throw refuse(`${name}_concat to hold every node, 2 to ${nodes.length + 1}`)
  return nodes.map((node) => ({ left: edges[2 * node] as CellEdge, right: edges[2 * node + 1] as CellEdge }))
}
