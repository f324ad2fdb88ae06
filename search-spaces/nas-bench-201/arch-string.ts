import { error } from '../errors.ts'
import { edgesOf, type NasBench201Architecture, type NasBench201Operation, nasBench201Operations } from './space.ts'

/**
 * Formats an architecture in the benchmark's notation:
 * `|nor_conv_3x3~0|+|none~0|skip_connect~1|+|avg_pool_3x3~0|none~1|nor_conv_1x1~2|`.
 */
export function formatArchString(architecture: NasBench201Architecture): string {
  const edges = edgesOf(architecture)
  return [1, 2, 3]
    .map((node) => `|${edges.flatMap(({ from, to, op }) => (to === node ? [`${op}~${from}`] : [])).join('|')}|`)
    .join('+')
}

/** Parses the benchmark's notation. Error: ARCHLOOM_ARCHITECTURE_TEXT. */
export function parseArchString(text: string): NasBench201Architecture {
  const refuse = (expected: string) =>
    error('ARCHLOOM_ARCHITECTURE_TEXT', { format: 'NAS-Bench-201 architecture string', received: text, expected })
  const nodes = text.trim().split('+')
  if (nodes.length !== 3) throw refuse('three nodes joined by +')
  const operationAt = (node: number, from: number): NasBench201Operation => {
    const parts = nodes[node - 1]?.split('|') ?? []
    if (parts.length !== node + 2 || parts[0] !== '' || parts.at(-1) !== '')
      throw refuse(`${node} edge(s) between bars in node ${node}`)
    const [name, source] = (parts[from + 1] as string).split('~')
    if (source !== String(from)) throw refuse(`edge ${from} of node ${node} to end with ~${from}`)
    const known = nasBench201Operations.find((operation) => operation === name)
    if (!known) throw refuse(`operations among ${nasBench201Operations.join(', ')}, not ${name}`)
    return known
  }
  return {
    node1: { from0: operationAt(1, 0) },
    node2: { from0: operationAt(2, 0), from1: operationAt(2, 1) },
    node3: { from0: operationAt(3, 0), from1: operationAt(3, 1), from2: operationAt(3, 2) },
  }
}
