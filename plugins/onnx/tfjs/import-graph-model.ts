/** A tf.js GraphModel folder as a network: its constants become variables, so that it can be trained further. */
import * as tf from '@tensorflow/tfjs-core'
import { quote } from '../../../core/errors.ts'
import { type ApplyMode, seeded } from '../../../core/index.ts'
import { options as declareOptions } from '../../../core/options/index.ts'
import { type VariableScope, variableScope, zeros } from '../../../core/tensor/index.ts'
import {
  isObject,
  readSavedModel,
  type SavedModel,
  type SavedWeights,
  savedModelError,
} from '../../../search-spaces/compression/index.ts'
import { error } from '../errors.ts'
import {
  computed,
  type ImportedNetwork,
  type ImportOptions,
  importedNetwork,
  importOptions,
} from '../imported-network.ts'
import { anything, GraphAttributes, type as isType } from './graph-attributes.ts'
import { type Operator, operators, type Tensors } from './graph-operators.ts'
import type { NodeDef } from './node-def.ts'

const declared = declareOptions('importGraphModel', importOptions)

export const graphModelOperators: readonly string[] = ['Const', 'Placeholder', ...Object.keys(operators)].sort()

/** One node that the outputs need, with what was read of it. */
interface Step {
  readonly node: NodeDef
  readonly sources: readonly Source[]
  readonly operator?: Operator
  readonly attributes: GraphAttributes
}

interface Source {
  readonly node: string
  readonly output: number
}

/**
 * A GraphModel folder (or model.json), as converters and `exportGraphModel` write it, as a network: weights in 8 and 16
 * bits and files without a "format" too. `apply` gives the first output of the file or the one that is asked for,
 * `applyAll` every output. An input of whole numbers is cut to them. Every operator is computed in operations that have
 * gradients; where there are none, training is refused with the name of the node (ARCHLOOM_IMPORT_TRAINING).
 * Errors: ARCHLOOM_TFJS_FOLDER, ARCHLOOM_TFJS_OPERATOR (names the node, and what is supported),
 * ARCHLOOM_TFJS_ATTRIBUTE,
 * ARCHLOOM_OPTION, ARCHLOOM_IMPORT_INPUT, ARCHLOOM_IMPORT_NODE.
 */
export async function importGraphModel(path: string | URL, given: ImportOptions = {}): Promise<ImportedNetwork> {
  const options = declared.read(given)
  const saved = await readSavedModel(path, 'graph-model')
  const { source } = saved
  const graph = new Graph(saved)
  const scope = variableScope({ rng: seeded(1) })
  try {
    const constants = graph.constants(scope)
    const run = (x: tf.Tensor, mode: ApplyMode) => graph.run(x, mode, constants)
    const { inputShape, outputs } = graph
    const shape = inputShape ?? (options.input ? [null, ...options.input] : undefined)
    if (shape === undefined)
      throw error('ARCHLOOM_IMPORT_INPUT', {
        source,
        reason: 'it does not state the shape of its input',
        remedy: 'State it as the option input, as in { input: [224, 224, 3] }',
      })
    return importedNetwork({ source, scope, inputShape: shape, outputs: outputs.map(({ name }) => name), run }, options)
  } catch (thrown) {
    scope.dispose()
    throw thrown
  }
}

class Graph {
  readonly steps: readonly Step[]
  readonly outputs: readonly { readonly name: string; readonly source: Source }[]
  /** With the batch; undefined where the file does not state it. */
  readonly inputShape: readonly (number | null)[] | undefined
  private readonly wholeInput: boolean

  constructor(private readonly saved: SavedModel) {
    const nodes = new Map<string, NodeDef>()
    for (const node of saved.topology.node as readonly unknown[]) {
      const known = this.checkedNode(node)
      if (nodes.has(known.name)) throw this.refuse(`two of its nodes are called ${quote(known.name)}`)
      nodes.set(known.name, known)
    }
    this.outputs = this.namedOutputs(nodes)
    this.steps = this.inOrder(nodes, this.outputs)
    const inputs = this.steps.filter(({ node }) => node.op === 'Placeholder')
    const [input] = inputs
    if (input === undefined || inputs.length > 1)
      throw error('ARCHLOOM_IMPORT_INPUT', {
        source: saved.source,
        reason: `it has ${inputs.length} inputs${input ? ` (${inputs.map(({ node }) => node.name).join(', ')})` : ''}`,
        remedy: 'Save a model of one of them',
      })
    this.inputShape = this.shapeOf(input.node)
    this.wholeInput = input.attributes.type('dtype') === 'int32'
    if (input.attributes.type('dtype') === 'bool') throw input.attributes.refused('dtype', 'a type of numbers')
  }

  private refuse(reason: string): Error {
    return savedModelError(this.saved.source, reason)
  }

  private checkedNode(node: unknown): NodeDef {
    if (!isObject(node) || typeof node.name !== 'string' || typeof node.op !== 'string')
      throw this.refuse(`one of its nodes is ${quote(node)}, without a name or an op`)
    const { input = [], attr = {} } = node
    if (!Array.isArray(input) || !input.every((each) => typeof each === 'string'))
      throw this.refuse(`its node ${quote(node.name)} reads ${quote(input)}`)
    if (!isObject(attr)) throw this.refuse(`its node ${quote(node.name)} has the attributes ${quote(attr)}`)
    return node as unknown as NodeDef
  }

  /** The outputs of the signature; without one, the nodes that no other node reads. */
  private namedOutputs(nodes: ReadonlyMap<string, NodeDef>): Graph['outputs'] {
    const { signature } = this.saved
    const stated = isObject(signature) ? signature.outputs : undefined
    if (isObject(stated) && Object.keys(stated).length > 0)
      return Object.entries(stated).map(([name, value]) => {
        const tensor = isObject(value) && typeof value.name === 'string' ? value.name : name
        return { name, source: sourceOf(nodes.has(tensor) ? tensor : tensor.replace(/:0$/, '')) }
      })
    const read = new Set([...nodes.values()].flatMap((node) => wired(node).map(({ node: name }) => name)))
    const ends = [...nodes.values()].filter(
      ({ name, op }) => !read.has(name) && op !== 'Const' && op !== 'Placeholder' && op !== 'NoOp',
    )
    if (ends.length === 0) throw this.refuse('it has no outputs')
    return ends.map(({ name }) => ({ name, source: { node: name, output: 0 } }))
  }

  /** The nodes that the outputs need, each after its inputs. */
  private inOrder(nodes: ReadonlyMap<string, NodeDef>, outputs: Graph['outputs']): Step[] {
    const steps: Step[] = []
    const state = new Map<string, 'open' | 'done'>()
    const nodeOf = (name: string, from: string): NodeDef => {
      const node = nodes.get(name)
      if (!node) throw this.refuse(`${quote(from)} reads ${quote(name)}, which is not there`)
      return node
    }
    for (const output of outputs) {
      // An explicit stack, because graphs may be deeper than the call stack.
      const stack = [{ node: nodeOf(output.source.node, output.name), next: 0 }]
      if (state.has(output.source.node)) continue
      while (stack.length > 0) {
        const top = stack.at(-1) as (typeof stack)[number]
        const { node } = top
        state.set(node.name, 'open')
        const source = wired(node)[top.next++]
        if (source === undefined) {
          stack.pop()
          state.set(node.name, 'done')
          steps.push(stepOf(node))
        } else if (state.get(source.node) === 'open') throw this.refuse(`it has a circle at ${quote(source.node)}`)
        else if (!state.has(source.node)) stack.push({ node: nodeOf(source.node, node.name), next: 0 })
      }
    }
    return steps
  }

  private shapeOf(input: NodeDef): Graph['inputShape'] {
    const { signature } = this.saved
    const named = isObject(signature) && isObject(signature.inputs) ? Object.values(signature.inputs) : []
    const own = named.find((each) => isObject(each) && typeof each.name === 'string' && each.name.replace(/:0$/, '') === input.name) // biome-ignore format: one line
    const dims = dimsOf((input.attr?.shape as { shape?: unknown } | undefined)?.shape)
    const stated = dimsOf(isObject(own) ? own.tensorShape : undefined)
    const shape = dims ?? stated
    if (shape === undefined) return undefined
    const sizes = shape.map(
      (size, i) => size ?? (stated?.length === shape.length ? (stated[i] as number | null) : null),
    )
    if (sizes.length === 0 || sizes.some((size) => size !== null && !(Number.isSafeInteger(size) && size > 0)))
      throw this.refuse(`its input has the shape [${sizes.map((size) => size ?? 'open').join(', ')}]`)
    return sizes
  }

  /** Values of the constants: weights become variables, numbers and sizes stay as they are. */
  constants(scope: VariableScope): ReadonlyMap<string, () => tf.Tensor> {
    const stored = new Map(this.saved.weights.map((each) => [each.name, each]))
    const statistics = new Set(
      this.steps.flatMap(({ node, sources }) =>
        node.op.startsWith('FusedBatchNorm') ? sources.slice(3).map(({ node: name }) => name) : [],
      ),
    )
    return new Map(
      this.steps
        .filter(({ node }) => node.op === 'Const')
        .map(({ node: { name }, attributes }) => {
          const found = stored.get(name)
          if (!found) throw this.refuse(`the constant ${quote(name)} has no weights`)
          if (found.dtype === 'string' || (attributes.has('dtype') && attributes.type('dtype') !== found.dtype))
            throw attributes.refused('dtype', `the type of its weights, ${found.dtype}`)
          return [name, constantOf(scope, found, statistics.has(name))] as const
        }),
    )
  }

  run(x: tf.Tensor, mode: ApplyMode, constants: ReadonlyMap<string, () => tf.Tensor>): tf.Tensor[] {
    const values = new Map<string, Tensors>()
    const tensorOf = ({ node, output }: Source, reader: string) => {
      const value = values.get(node)?.[output]
      if (value === undefined) throw this.refuse(`${quote(reader)} reads output ${output} of ${quote(node)}, which has none`) // biome-ignore format: one line
      return value
    }
    for (const { node, sources, operator, attributes } of this.steps) {
      if (node.op === 'Placeholder') values.set(node.name, [this.wholeInput ? tf.cast(x, 'int32') : x])
      else if (operator === undefined) values.set(node.name, [(constants.get(node.name) as () => tf.Tensor)()])
      else {
        if (mode.training && operator.withoutGradient)
          throw error('ARCHLOOM_IMPORT_TRAINING', { node: node.name, op: node.op })
        const inputs = sources.map((source) => tensorOf(source, node.name))
        const made = computed(node.name, node.op, () => operator.run(inputs, attributes, node))
        values.set(node.name, Array.isArray(made) ? made : [made])
      }
    }
    return this.outputs.map(({ name, source }) => tensorOf(source, name))
  }
}

function stepOf(node: NodeDef): Step {
  const sources = wired(node)
  if (node.op === 'Placeholder') return { node, sources, attributes: new GraphAttributes(node, { dtype: isType, shape: anything }) } // biome-ignore format: one line
  if (node.op === 'Const') return { node, sources, attributes: new GraphAttributes(node, { dtype: isType, value: anything }) } // biome-ignore format: one line
  if (!Object.hasOwn(operators, node.op))
    throw error('ARCHLOOM_TFJS_OPERATOR', { node: node.name, op: node.op, supported: graphModelOperators })
  const operator = operators[node.op] as Operator
  const [least, most] = operator.inputs
  if (sources.length < least || sources.length > most)
    throw error('ARCHLOOM_IMPORT_NODE', {
      node: node.name,
      op: node.op,
      reason: `it reads ${sources.length} values, expected ${least === most ? least : `${least} to ${most}`}`,
    })
  return { node, sources, operator, attributes: new GraphAttributes(node, operator.attributes) }
}

function constantOf(
  scope: VariableScope,
  { name, shape, dtype, values }: SavedWeights,
  fixed: boolean,
): () => tf.Tensor {
  if (dtype !== 'float32' || shape.length === 0) return () => tf.tensor(values, [...shape], dtype)
  const parts = name.split('/').filter((part) => part !== '')
  const own = parts.slice(0, -1).reduce((at, part) => at.child(part), scope)
  const last = parts.at(-1) ?? 'constant'
  const variable = fixed ? own.state(last, shape, 0) : own.weight(last, shape, zeros)
  tf.tidy(() => variable.assign(tf.tensor(values, [...shape], 'float32')))
  return () => variable
}

const sourceOf = (reference: string): Source => {
  const parts = /^(.*):(\d+)$/.exec(reference)
  return parts ? { node: parts[1] as string, output: Number(parts[2]) } : { node: reference, output: 0 }
}

/** Inputs that carry values; '^name' only orders. */
const wired = ({ input = [] }: NodeDef): Source[] => input.filter((name) => !name.startsWith('^')).map(sourceOf)

/** Sizes of a shape as JSON has it, null where one is open; undefined where there is none. */
function dimsOf(shape: unknown): (number | null)[] | undefined {
  if (!isObject(shape) || !Array.isArray(shape.dim)) return undefined
  return shape.dim.map((dim) => {
    const size = Number(isObject(dim) ? dim.size : Number.NaN)
    return size === -1 ? null : size
  })
}
