import type { CellArchitecture, CellNode } from './space.ts'

type Which = keyof CellArchitecture

const states = (cell: string, count: number) => [
  `${cell}_0 [label="c(k−2)", fillcolor="#dbeafe"]`,
  `${cell}_1 [label="c(k−1)", fillcolor="#dbeafe"]`,
  ...Array.from({ length: count }, (_, node) => `${cell}_${node + 2} [label="${node}"]`),
  `${cell}_out [label="c(k)", fillcolor="#fef3c7"]`,
]

const edges = (cell: string, nodes: readonly CellNode[]) => [
  ...nodes.flatMap(({ left, right }, node) =>
    [left, right].map(({ input, op }) => `${cell}_${input} -> ${cell}_${node + 2} [label="${op}"]`),
  ),
  ...nodes.map((_, node) => `${cell}_${node + 2} -> ${cell}_out [style=dashed]`),
]

/**
 * Graphviz DOT of a cell: its two inputs, its nodes, an edge for every operation, dashed edges into the concatenation.
 * Draws both cells side by side unless one is named.
 */
export function cellDot(architecture: CellArchitecture, which: readonly Which[] = ['normal', 'reduction']): string {
  const clusters = which.flatMap((cell) => [
    `  subgraph cluster_${cell} {`,
    `    label="${cell} cell"; color="#cbd5e1"; fontname="Helvetica"`,
    ...[...states(cell, architecture[cell].length), ...edges(cell, architecture[cell])].map((line) => `    ${line}`),
    '  }',
  ])
  return [
    'digraph cell {',
    '  rankdir=LR',
    '  node [shape=box, style="rounded,filled", fillcolor="#dcfce7", fontname="Helvetica"]',
    '  edge [fontname="Helvetica", fontsize=10]',
    ...clusters,
    '}',
    '',
  ].join('\n')
}
