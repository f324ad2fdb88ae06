/** Reads topologies of Keras models, as written by Keras 2, Keras 3 and tf.js, into one flat list of layer calls. */
import { quote } from '../../core/errors.ts'
import { error } from './prunable-errors.ts'
import { isObject } from './saved-model.ts'

export interface KerasLayer {
  /** The layer's name, preceded by those of the models that contain it: 'base/conv'. */
  readonly path: string
  readonly name: string
  readonly type: string
  /** Keys in snake_case. */
  readonly config: Readonly<Record<string, unknown>>
}

/** One use of a layer. A layer that is used several times has several calls, which share its weights. */
export interface KerasCall {
  /** A unique name: the layer's path, with '#1', '#2', … for further uses. */
  readonly name: string
  readonly layer: KerasLayer
  /** Names of the calls (or inputs) that it reads, in the layer's order. */
  readonly inputs: readonly string[]
}

export interface KerasInput {
  readonly name: string
  /** Shape including the batch; null for a variable size. */
  readonly shape: readonly (number | null)[]
}

export interface KerasModel {
  /**
   * The version whose rules its layers follow: '2.10.0', '3.15.1', 'tfjs-layers 4.22.0'; '' if the file does not say.
   */
  readonly version: string
  readonly inputs: readonly KerasInput[]
  /** The calls, ordered so that every call comes after those that it reads. */
  readonly calls: readonly KerasCall[]
  readonly outputs: readonly string[]
}

type Fields = Readonly<Record<string, unknown>>
/** Name of a layer, which of its uses, and which of its outputs. */
type Reference = readonly [layer: string, use: number, output: number]

const refuse = (received: string, expected: string) => error('ARCHLOOM_PRUNABLE_MODEL', { received, expected })
const DEEPEST = 20
const MOST_LAYERS = 100_000

const either = (fields: Fields, one: string, other: string): unknown => fields[one] ?? fields[other]

/** Converts keys to snake_case: Keras writes snake_case, but model.toJSON() may write camelCase. */
const snake = (config: Fields): Fields =>
  Object.fromEntries(
    Object.entries(config).map(([key, value]) => [key.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`), value]),
  )

interface RawLayer {
  readonly name: string
  readonly type: string
  readonly fields: Fields
  readonly config: Fields
  /** Empty for layers of a sequential model. */
  readonly uses: readonly (readonly Reference[])[]
}

/** Reads a topology (of model.json or of `model.toJSON()`). Error: ARCHLOOM_PRUNABLE_MODEL. */
export function kerasModel(topology: unknown): KerasModel {
  const outer = isObject(topology) ? topology : {}
  const model = either(outer, 'model_config', 'modelConfig') ?? outer
  const version = either(outer, 'keras_version', 'kerasVersion') ?? ''
  const reader = new Reader()
  const outputs = reader.model(model, '', undefined, 0)
  if (reader.inputs.length === 0) throw refuse('no input shape', 'batch_input_shape in its first layer')
  return { version: String(version), inputs: reader.inputs, calls: reader.calls, outputs }
}

class Reader {
  readonly inputs: KerasInput[] = []
  readonly calls: KerasCall[] = []
  private readonly uses = new Map<string, number>()
  private readonly layers = new Map<string, KerasLayer>()

  /** Adds the calls of a model. A nested model reads `given`. Returns the names of its outputs. */
  model(model: unknown, path: string, given: readonly string[] | undefined, depth: number): readonly string[] {
    const fields = isObject(model) ? model : {}
    const type = either(fields, 'class_name', 'className')
    const { config } = fields
    const listed = Array.isArray(config) ? config : isObject(config) ? config.layers : undefined
    if (!isModelType(type) || !Array.isArray(listed) || listed.length === 0)
      throw refuse(`a topology of class ${quote(type ?? null)}`, 'a Sequential or functional Keras model with layers')
    if (depth > DEEPEST) throw refuse(`models nested more than ${DEEPEST} levels deep`, 'a model with fewer levels')
    if (this.calls.length + listed.length > MOST_LAYERS) throw refuse('too many layers', `at most ${MOST_LAYERS}`)
    const raw = listed.map((layer, at) => rawLayer(layer, at))
    const names = new Set<string>()
    for (const { name } of raw) {
      if (names.has(name)) throw refuse(`two layers named ${quote(name)}`, 'layers with unique names')
      names.add(name)
    }
    return type === 'Sequential'
      ? this.sequential(raw, fields, path, given, depth)
      : this.functional(raw, isObject(config) ? config : {}, path, given, depth)
  }

  private sequential(
    raw: readonly RawLayer[],
    model: Fields,
    path: string,
    given: readonly string[] | undefined,
    depth: number,
  ): readonly string[] {
    let values = given
    for (const layer of raw) {
      if (values === undefined) {
        const shape = shapeOf(layer) ?? firstShape(layer) ?? shapeOf({ config: snake(isObject(model.config) ? model.config : {}) }) // biome-ignore format: one line
        if (shape !== undefined) values = [this.input(layer.type === 'InputLayer' ? layer.name : 'input', shape)]
      }
      if (layer.type === 'InputLayer') continue
      if (values === undefined) throw refuse('no input shape', 'batch_input_shape in its first layer')
      values = this.use(layer, values, path, depth)
    }
    return values ?? []
  }

  private functional(
    raw: readonly RawLayer[],
    config: Fields,
    path: string,
    given: readonly string[] | undefined,
    depth: number,
  ): readonly string[] {
    const byName = new Map(raw.map((layer) => [layer.name, layer]))
    const starts = references(either(config, 'input_layers', 'inputLayers'))
    const ends = references(either(config, 'output_layers', 'outputLayers'))
    if (ends.length === 0) throw refuse('no output_layers', 'the layers whose results are the outputs')
    if (given !== undefined && given.length !== starts.length)
      throw refuse(`a nested model ${quote(path)} with ${starts.length} inputs that reads ${given.length}`, 'as many')
    const offsets = firstUses(raw, ends)
    /** Outputs of each use of each layer. */
    const done = new Map<string, readonly string[]>()
    const keyOf = ([layer, use]: Reference) => `${use} ${layer}`
    starts.forEach((start, i) => {
      const layer = byName.get(start[0])
      if (layer?.type !== 'InputLayer') throw refuse(`the input ${quote(start[0])}`, 'an InputLayer of that name')
      done.set(keyOf(start), [given?.[i] ?? this.input(layer.name, shapeOf(layer))])
    })
    const open = new Set<string>()
    const visit = (reference: Reference): string => {
      const [name, use, output] = reference
      const key = keyOf(reference)
      const known = done.get(key)
      if (known === undefined) {
        const layer = byName.get(name)
        const inputs = layer?.uses[use - (offsets.get(name) ?? 0)]
        if (layer === undefined || inputs === undefined)
          throw refuse(`a reference to use ${use} of the layer ${quote(name)}`, 'layers and uses that it lists')
        if (open.has(key)) throw refuse(`a cycle of layers at ${quote(name)}`, 'a graph without cycles')
        open.add(key)
        if (open.size > 5_000) throw refuse(`a chain of more than 5,000 layers`, 'a shorter one')
        const values = inputs.map(visit)
        open.delete(key)
        done.set(key, this.use(layer, values, path, depth))
      }
      const value = done.get(key)?.[output]
      if (value === undefined) throw refuse(`output ${output} of the layer ${quote(name)}`, 'an output that it has')
      return value
    }
    return ends.map(visit)
  }

  private input(name: string, shape: readonly (number | null)[] | undefined): string {
    if (shape === undefined)
      throw refuse(`the input ${quote(name)} without a shape`, 'batch_input_shape or batch_shape')
    this.inputs.push({ name, shape })
    return inputName(this.inputs.length - 1)
  }

  private use(raw: RawLayer, inputs: readonly string[], path: string, depth: number): readonly string[] {
    const own = path === '' ? raw.name : `${path}/${raw.name}`
    if (isModelType(raw.type)) return this.model(raw.fields, own, inputs, depth + 1)
    const layer = this.layers.get(own) ?? { path: own, name: raw.name, type: raw.type, config: raw.config }
    this.layers.set(own, layer)
    const use = this.uses.get(own) ?? 0
    this.uses.set(own, use + 1)
    const name = use === 0 ? own : `${own}#${use}`
    this.calls.push({ name, layer, inputs })
    return [name]
  }
}

/**
 * The number of the first use of each layer. Some writers count the uses of a nested model from 1, because it was
 * called once when it was made; others count from 0.
 */
function firstUses(raw: readonly RawLayer[], ends: readonly Reference[]): ReadonlyMap<string, number> {
  const last = new Map<string, number>()
  for (const [layer, use] of [...ends, ...raw.flatMap(({ uses }) => uses.flat())])
    last.set(layer, Math.max(use, last.get(layer) ?? 0))
  return new Map(
    raw
      .filter(({ name, type, uses }) => isModelType(type) && last.get(name) === uses.length)
      .map(({ name }) => [name, 1] as const),
  )
}

/** The name by which calls refer to the model's own inputs. No layer can have such a name. */
export const inputName = (index: number): string => `\0input ${index}`

const isModelType = (type: unknown) => type === 'Sequential' || type === 'Model' || type === 'Functional'

function rawLayer(layer: unknown, at: number): RawLayer {
  if (!isObject(layer)) throw refuse(`layer ${at} that is ${quote(layer)}`, 'an object with class_name and config')
  const type = either(layer, 'class_name', 'className')
  if (typeof type !== 'string') throw refuse(`layer ${at} of class ${quote(type)}`, 'a class_name')
  const config = isObject(layer.config) ? snake(layer.config) : {}
  const name = config.name ?? layer.name ?? `layer_${at}`
  if (typeof name !== 'string' || name === '') throw refuse(`layer ${at} called ${quote(name)}`, 'a name')
  const uses = either(layer, 'inbound_nodes', 'inboundNodes') ?? []
  if (!Array.isArray(uses)) throw refuse(`inbound_nodes ${quote(uses)} of ${quote(name)}`, 'a list')
  return { name, type, fields: layer, config, uses: uses.map((use) => inputsOf(name, use)) }
}

/** Reads the inputs of one use of a layer: [[name, use, output, arguments], …] or { args, kwargs }. */
function inputsOf(layer: string, use: unknown): readonly Reference[] {
  if (isObject(use)) {
    checkArguments(layer, use.kwargs)
    if (!Array.isArray(use.args)) throw refuse(`inbound_nodes of ${quote(layer)} without args`, 'a list of args')
    const [first, ...others] = use.args
    const extra = others.find((other) => other !== null)
    if (extra !== undefined && !isTensor(extra))
      throw refuse(`the argument ${quote(extra)} of the layer ${quote(layer)}`, 'tensors alone')
    return [first, ...others.filter((other) => other !== null)].flat().map((arg) => tensorReference(layer, arg))
  }
  if (!Array.isArray(use)) throw refuse(`inbound_nodes of ${quote(layer)} that hold ${quote(use)}`, 'lists')
  return use.map((source) => {
    if (Array.isArray(source)) checkArguments(layer, source[3])
    return reference(source)
  })
}

const isTensor = (arg: unknown) => isObject(arg) && arg.class_name === '__keras_tensor__'

function tensorReference(layer: string, arg: unknown): Reference {
  const history = isObject(arg) && isObject(arg.config) ? arg.config.keras_history : undefined
  if (!isTensor(arg)) throw refuse(`the argument ${quote(arg)} of the layer ${quote(layer)}`, 'tensors alone')
  return reference(history)
}

/** Checks the other arguments of a call. Arguments without effect are ignored. */
function checkArguments(layer: string, given: unknown): void {
  for (const [argument, value] of Object.entries(isObject(given) ? given : {})) {
    if (value === null || value === undefined) continue
    if (argument === 'training' && value === false) continue
    throw refuse(`the layer ${quote(layer)} called with ${argument}: ${quote(value)}`, 'calls without arguments')
  }
}

function reference(value: unknown): Reference {
  const [layer, use = 0, output = 0] = Array.isArray(value) ? value : []
  if (typeof layer !== 'string' || !Number.isInteger(use) || !Number.isInteger(output))
    throw refuse(`the reference ${quote(value)}`, '[layer, use, output]')
  return [layer, use, output]
}

/** Reads one reference, a list of references, or named ones. */
function references(value: unknown): readonly Reference[] {
  if (isObject(value)) return Object.values(value).map(reference)
  if (!Array.isArray(value)) return []
  return typeof value[0] === 'string' ? [reference(value)] : value.map(reference)
}

function shapeOf({ config }: Pick<RawLayer, 'config'>): readonly (number | null)[] | undefined {
  const shape = config.batch_input_shape ?? config.batch_shape ?? config.build_input_shape
  if (shape === undefined || shape === null) return undefined
  const valid = (size: unknown) => size === null || (Number.isSafeInteger(size) && (size as number) > 0)
  if (!Array.isArray(shape) || shape.length < 2 || !shape.every(valid))
    throw refuse(`an input of shape ${quote(shape)}`, '[batch, …sizes], each a positive whole number or null')
  return shape
}

/** The input shape of a nested model that is the first layer of a sequential one. */
function firstShape({ type, fields }: RawLayer): readonly (number | null)[] | undefined {
  if (!isModelType(type)) return undefined
  const { config } = fields
  const layers = Array.isArray(config) ? config : isObject(config) ? config.layers : undefined
  const [first] = Array.isArray(layers) ? layers : []
  if (!isObject(first)) return undefined
  const inner = rawLayer(first, 0)
  return shapeOf(inner) ?? firstShape(inner)
}
