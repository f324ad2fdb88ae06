import type { Json } from '../../../../core/space/decision.ts'

export interface GraphNode {
  readonly id: string
  readonly label: string
  readonly kind: 'input' | 'node' | 'output' | 'layer'
}

export interface GraphEdge {
  readonly from: string
  readonly to: string
  readonly label: string
  /** An edge that passes nothing on. */
  readonly isNone: boolean
}

export type Drawing =
  | {
      readonly kind: 'graph'
      readonly title: string
      readonly nodes: readonly GraphNode[]
      readonly edges: readonly GraphEdge[]
    }
  | { readonly kind: 'bars'; readonly title: string; readonly values: readonly number[] }

type Record_ = { readonly [key: string]: Json }
const isRecord = (value: Json | undefined): value is Record_ =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * What can be drawn of an architecture, told by its form alone: cells of nodes that name their inputs, cells of edges
 * (`node2.from1`), chains of layers or stages, and numbers by layer.
 */
export function drawingsOf(architecture: Json): readonly Drawing[] {
  const found: Drawing[] = []
  visit(architecture, [], found)
  return found
}

function visit(value: Json | undefined, path: readonly string[], found: Drawing[]): void {
  const title = path.join('.') || 'architecture'
  const drawn = cellOf(value, title) ?? edgeCellOf(value, title) ?? barsOf(value, title) ?? chainOf(value, title)
  if (drawn) {
    found.push(drawn)
    return
  }
  if (path.length >= 4 || found.length >= 12) return
  if (isRecord(value)) for (const [key, part] of Object.entries(value)) visit(part, [...path, key], found)
}

/** A list of nodes whose parts are `{ input, op }`: two inputs come from outside. */
function cellOf(value: Json | undefined, title: string): Drawing | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined
  const wanted = value.map((node) => (isRecord(node) ? Object.values(node).map(linkOf) : []))
  if (wanted.some((links) => links.length === 0 || links.some((link) => link === undefined))) return undefined
  const nodes: GraphNode[] = [
    { id: '0', label: 'input 0', kind: 'input' },
    { id: '1', label: 'input 1', kind: 'input' },
    ...value.map((_, i): GraphNode => ({ id: String(i + 2), label: `node ${i + 2}`, kind: 'node' })),
    { id: 'out', label: 'output', kind: 'output' },
  ]
  const edges: GraphEdge[] = []
  const used = new Set<string>()
  wanted.forEach((links, i) => {
    for (const link of links) {
      if (!link) continue
      used.add(String(link.input))
      edges.push({ from: String(link.input), to: String(i + 2), label: link.op, isNone: link.op === 'none' })
    }
  })
  for (let i = 2; i < value.length + 2; i++)
    if (!used.has(String(i))) edges.push({ from: String(i), to: 'out', label: '', isNone: false })
  return { kind: 'graph', title, nodes, edges }
}

function linkOf(value: Json): { readonly input: number; readonly op: string } | undefined {
  if (!isRecord(value)) return undefined
  const { input, op } = value
  return typeof input === 'number' && typeof op === 'string' ? { input, op } : undefined
}

/** `{ node1: { from0: op }, node2: { from0: op, from1: op } }` */
function edgeCellOf(value: Json | undefined, title: string): Drawing | undefined {
  if (!isRecord(value)) return undefined
  const entries = Object.entries(value)
  if (entries.length === 0) return undefined
  const edges: GraphEdge[] = []
  for (const [name, links] of entries) {
    const [, to] = /^node(\d+)$/.exec(name) ?? []
    if (to === undefined || !isRecord(links)) return undefined
    for (const [source, op] of Object.entries(links)) {
      const [, from] = /^from(\d+)$/.exec(source) ?? []
      if (from === undefined || typeof op !== 'string') return undefined
      edges.push({ from, to, label: op, isNone: op === 'none' })
    }
  }
  const ids = [...new Set(edges.flatMap(({ from, to }) => [from, to]))].sort((a, b) => Number(a) - Number(b))
  const last = ids.at(-1)
  const nodes = ids.map((id): GraphNode => {
    if (id === '0') return { id, label: 'input', kind: 'input' }
    return { id, label: id === last ? 'output' : `node ${id}`, kind: id === last ? 'output' : 'node' }
  })
  return { kind: 'graph', title, nodes, edges }
}

/** Numbers by layer: bit-widths, channel ratios. */
function barsOf(value: Json | undefined, title: string): Drawing | undefined {
  if (!Array.isArray(value) || value.length < 3) return undefined
  const values = value.filter((each) => typeof each === 'number')
  return values.length === value.length ? { kind: 'bars', title, values } : undefined
}

/** Layers one after the other; a layer that holds a list of layers is a stage. */
function chainOf(value: Json | undefined, title: string): Drawing | undefined {
  if (!Array.isArray(value) || value.length < 2) return undefined
  const labels = value.flatMap((layer, i) => layersOf(layer, i))
  if (labels.length < 2 || labels.some((label) => label === '')) return undefined
  const nodes: GraphNode[] = [
    { id: 'in', label: 'input', kind: 'input' },
    ...labels.map((label, i): GraphNode => ({ id: String(i), label, kind: 'layer' })),
    { id: 'out', label: 'output', kind: 'output' },
  ]
  const edges = nodes.slice(1).map(({ id }, i): GraphEdge => ({ from: nodes[i]!.id, to: id, label: '', isNone: false }))
  return { kind: 'graph', title, nodes, edges }
}

function layersOf(layer: Json, number: number): readonly string[] {
  if (typeof layer === 'string') return [layer]
  if (!isRecord(layer)) return ['']
  const nested = Object.values(layer).find((part) => Array.isArray(part) && part.length > 0)
  if (!Array.isArray(nested)) return [factsOf(layer)]
  const own = factsOf(layer)
  return nested.map((part, i) => {
    const [inner = ''] = layersOf(part, i)
    return [i === 0 ? `stage ${number}${own === '' ? '' : `: ${own}`}` : '', inner].filter(Boolean).join('\n')
  })
}

/** Plain values of a record, one per line. */
const factsOf = (record: Record_): string =>
  Object.entries(record)
    .filter(([, value]) => value === null || typeof value !== 'object')
    .map(([name, value]) => `${name} ${value === null ? 'none' : String(value)}`)
    .join('\n')

/** Paths and plain values of an architecture, in order. */
export function leavesOf(value: Json, path = ''): readonly (readonly [path: string, value: string])[] {
  if (value === null || typeof value !== 'object') return [[path || 'value', value === null ? 'none' : String(value)]]
  return Object.entries(value).flatMap(([key, part]) => leavesOf(part, path === '' ? key : `${path}.${key}`))
}
