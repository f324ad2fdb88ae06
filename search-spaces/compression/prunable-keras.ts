import { error } from './prunable-errors.ts'

/** One layer of a Keras model, in topological order. */
export interface KerasLayer {
  readonly name: string
  readonly type: string
  readonly config: Readonly<Record<string, unknown>>
  /** Names of the layers that it reads; empty for the first of a sequential model. */
  readonly inputs: readonly string[]
}

interface RawLayer {
  readonly class_name?: string
  readonly className?: string
  readonly config?: Readonly<Record<string, unknown>>
  readonly inbound_nodes?: readonly (readonly (readonly [string, number, number])[])[]
  readonly inboundNodes?: RawLayer['inbound_nodes']
  readonly name?: string
}

/** The part of a model.json that describes layers. */
export interface Topology {
  readonly model_config?: Topology
  readonly modelConfig?: Topology
  readonly class_name?: string
  readonly className?: string
  readonly config?: unknown
}

const refuse = (received: string, expected: string) => error('ARCHLOOM_PRUNABLE_MODEL', { received, expected })

/** Keras writes snake_case, model.toJSON() may write camelCase. */
const snake = (config: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(
    Object.entries(config).map(([key, value]) => [key.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`), value]),
  )

/** Layers of a sequential or functional model, and the one that is the output. Error: ARCHLOOM_PRUNABLE_MODEL. */
export function layersOf(topology: Topology | undefined): { layers: readonly KerasLayer[]; output: string } {
  const model = topology?.model_config ?? topology?.modelConfig ?? topology
  const kind = model?.class_name ?? model?.className
  const config = model?.config as
    | { layers?: readonly RawLayer[]; output_layers?: unknown; outputLayers?: unknown; input_layers?: unknown }
    | readonly RawLayer[]
    | undefined
  const raw: readonly RawLayer[] | undefined = Array.isArray(config)
    ? config
    : (config as { layers?: readonly RawLayer[] } | undefined)?.layers
  if (!raw?.length || (kind !== 'Sequential' && kind !== 'Model' && kind !== 'Functional'))
    throw refuse(`a topology of class ${String(kind)}`, 'a Sequential or functional Keras model with layers')
  const layers = raw.map((layer, at): KerasLayer => {
    const settings = snake(layer.config ?? {})
    const nodes = layer.inbound_nodes ?? layer.inboundNodes ?? []
    if (nodes.length > 1) throw refuse(`layer ${layer.name} used ${nodes.length} times`, 'layers that are used once')
    const name = String(settings.name ?? layer.name ?? `layer_${at}`)
    const before = raw[at - 1]?.config?.name as string | undefined
    const inputs =
      kind === 'Sequential' ? (before === undefined ? [] : [before]) : (nodes[0] ?? []).map((from) => from[0])
    return { name, type: String(layer.class_name ?? layer.className), config: settings, inputs }
  })
  if (kind === 'Sequential') return { layers, output: (layers.at(-1) as KerasLayer).name }
  const { output_layers, outputLayers } = config as { output_layers?: unknown; outputLayers?: unknown }
  const ends = (output_layers ?? outputLayers ?? []) as readonly (string | readonly [string])[]
  const names = ends.map((end) => (typeof end === 'string' ? end : end[0]))
  const one = typeof ends[0] === 'string' ? names.slice(0, 1) : names
  const inputs = layers.filter(({ type }) => type === 'InputLayer').length
  if (one.length !== 1 || inputs !== 1) throw refuse(`${inputs} inputs and ${one.length} outputs`, 'one of each')
  return { layers: inOrder(layers), output: one[0] as string }
}

/** Saved layers may stand in any order. */
function inOrder(layers: readonly KerasLayer[]): KerasLayer[] {
  const done = new Set<string>()
  const ordered: KerasLayer[] = []
  let left = layers
  while (left.length > 0) {
    const ready = left.filter(({ inputs }) => inputs.every((name) => done.has(name)))
    if (ready.length === 0) throw refuse(`layers in a circle at ${left[0]?.name}`, 'a graph without circles')
    for (const layer of ready) {
      ordered.push(layer)
      done.add(layer.name)
    }
    left = left.filter(({ name }) => !done.has(name))
  }
  return ordered
}
