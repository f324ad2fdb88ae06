import { Graph, layout } from '@dagrejs/dagre'
import type { Drawing, GraphEdge, GraphNode } from './graph-of.ts'

export interface PlacedNode extends GraphNode {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

export interface PlacedEdge extends GraphEdge {
  readonly points: readonly { readonly x: number; readonly y: number }[]
  readonly labelAt?: { readonly x: number; readonly y: number }
}

export interface Placed {
  readonly width: number
  readonly height: number
  readonly nodes: readonly PlacedNode[]
  readonly edges: readonly PlacedEdge[]
}

const CHARACTER = 6.7
const LINE = 16

/** Width of a text in pixels, about. */
export const widthOf = (text: string) => Math.max(...text.split('\n').map((line) => line.length)) * CHARACTER

/** Places of the nodes and edges of a graph, from left to right. */
export function placed({ nodes, edges }: Extract<Drawing, { kind: 'graph' }>): Placed {
  const graph = new Graph({ multigraph: true })
  graph.setGraph({ rankdir: 'LR', nodesep: 22, ranksep: 26, edgesep: 12, marginx: 8, marginy: 8 })
  for (const node of nodes)
    graph.setNode(node.id, {
      width: widthOf(node.label) + 22,
      height: node.label.split('\n').length * LINE + 14,
    })
  edges.forEach((edge, i) => {
    const label = edge.label === '' ? {} : { width: widthOf(edge.label) + 10, height: LINE, labelpos: 'c' as const }
    graph.setEdge(edge.from, edge.to, label, String(i))
  })
  layout(graph)
  const { width = 0, height = 0 } = graph.graph()
  return {
    width,
    height,
    nodes: nodes.map((node) => {
      const place = graph.node(node.id)
      return { ...node, x: place.x, y: place.y, width: place.width, height: place.height }
    }),
    edges: edges.map((edge, i) => {
      const place = graph.edge(edge.from, edge.to, String(i))
      const { points = [], x, y } = place
      return { ...edge, points, ...(edge.label !== '' && x !== undefined && y !== undefined && { labelAt: { x, y } }) }
    }),
  }
}
