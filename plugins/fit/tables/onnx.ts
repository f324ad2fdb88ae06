import type { Forest } from '../../../evaluators/trees/index.ts'
import { encode, exportOnnx, GraphBuilder, type OnnxGraph } from '../../onnx/index.ts'
import type { Aim } from './measure.ts'
import type { Link, Part, TablePredictor } from './model.ts'

/**
 * A predictor as one ONNX file: `features` [rows, features] → `output` [rows, outputs], probabilities of the classes or
 * labels, or quantities. Networks are traced, trees become TreeEnsembleRegressor (ai.onnx.ml 3), which ONNX Runtime runs in Node
 * and in browsers.
 */
export async function encodePredictor(predictor: TablePredictor, features: number): Promise<Uint8Array<ArrayBuffer>> {
  const { members, aim, temperature } = predictor
  const { kind, outputs } = aim
  const builder = new GraphBuilder({
    nodes: [],
    inputs: [{ name: 'features', type: 'float32', dims: ['rows', features] }],
    outputs: [{ name: 'output', type: 'float32', dims: ['rows', outputs] }],
    constants: new Map(),
  })
  builder.name('features')
  builder.name('output')
  const terms: string[] = []
  for (const { parts, weight, link, factor } of members)
    for (const part of parts) {
      const scores = await writePart(builder, part, features, aim)
      const values = part.kind === 'constant' ? scores : activated(builder, scores, link, aim)
      terms.push(builder.op('Mul', [values, builder.scalar((weight * factor) / parts.length)]))
    }
  const mean = terms.length === 1 ? terms[0]! : builder.op('Sum', terms)
  const logOf = (p: string) => builder.op('Log', [builder.op('Max', [p, builder.scalar(1e-12)])])
  const cooled = (logits: string) => builder.op('Mul', [logits, builder.scalar(1 / temperature)])
  const end = (op: string, input: string, attributes = {}) =>
    builder.graph.nodes.push({ op, name: 'output', inputs: [input], outputs: ['output'], attributes })
  if (kind === 'quantities' || temperature === 1) end('Identity', mean)
  else if (kind === 'classes') end('Softmax', cooled(logOf(mean)), { axis: 1 })
  else {
    const others = logOf(builder.op('Sub', [builder.scalar(1), mean]))
    end('Sigmoid', cooled(builder.op('Sub', [logOf(mean), others])))
  }
  return encode(builder.graph)
}

/** Logits as probabilities, or numbers as quantities. */
function activated(builder: GraphBuilder, scores: string, link: Link, { kind }: Aim): string {
  if (kind === 'classes') return builder.op('Softmax', [scores], { axis: 1 })
  return kind === 'labels' ? builder.op('Sigmoid', [scores]) : writeLink(builder, scores, link)
}

async function writePart(builder: GraphBuilder, part: Part, features: number, { kind, outputs }: Aim): Promise<string> {
  if (part.kind === 'constant') {
    // Nothing of the features matters but their number of rows.
    const zero = builder.op('Mul', [
      builder.op('ReduceSum', ['features', builder.ints([1])], { keepdims: 1 }),
      builder.scalar(0),
    ])
    return builder.op('Add', [zero, builder.constant(Float32Array.from(part.values), [1, outputs])])
  }
  const { columns } = part
  const all = columns.length === features && columns.every((column, i) => column === i)
  const input = all ? 'features' : builder.op('Gather', ['features', builder.ints(columns)], { axis: 1 })
  if (part.kind === 'forest') return writeForest(builder, part.forest, input, kind === 'classes' && outputs === 2)
  const { graph } = await exportOnnx(part.network)
  return merge(builder, graph, input)
}

/** A forest of two classes gives the log-odds of the second, beside 0 for the first. */
function writeForest(builder: GraphBuilder, forest: Forest, input: string, twoClasses: boolean): string {
  const { trees, outputs, base } = forest
  const [treeIds, nodeIds, featureIds, trueIds, falseIds] = [[], [], [], [], []] as number[][] as [
    number[],
    number[],
    number[],
    number[],
    number[],
  ]
  const values: number[] = []
  const modes: string[] = []
  const [targetTrees, targetNodes, targetIds] = [[], [], []] as number[][] as [number[], number[], number[]]
  const weights: number[] = []
  for (const [t, { feature, threshold, left, right, value }] of trees.entries())
    for (let node = 0; node < feature.length; node++) {
      const leaf = feature[node]! < 0
      treeIds.push(t)
      nodeIds.push(node)
      featureIds.push(leaf ? 0 : feature[node]!)
      values.push(leaf ? 0 : threshold[node]!)
      modes.push(leaf ? 'LEAF' : 'BRANCH_LEQ')
      trueIds.push(leaf ? 0 : left[node]!)
      falseIds.push(leaf ? 0 : right[node]!)
      if (!leaf) continue
      targetTrees.push(t)
      targetNodes.push(node)
      targetIds.push(twoClasses ? 1 : t % outputs)
      weights.push(value[node]!)
    }
  const targets = twoClasses ? 2 : outputs
  const bases = twoClasses ? [0, base[0]!] : base
  if (trees.length === 0) {
    const zero = builder.op('Mul', [
      builder.op('ReduceSum', [input, builder.ints([1])], { keepdims: 1 }),
      builder.scalar(0),
    ])
    return builder.op('Add', [zero, builder.constant(Float32Array.from(bases), [1, targets])])
  }
  const name = builder.name('trees')
  builder.graph.nodes.push({
    op: 'TreeEnsembleRegressor',
    domain: 'ai.onnx.ml',
    name,
    inputs: [input],
    outputs: [name],
    attributes: {
      n_targets: targets,
      aggregate_function: 'SUM',
      base_values: { floats: bases },
      nodes_treeids: { ints: treeIds },
      nodes_nodeids: { ints: nodeIds },
      nodes_featureids: { ints: featureIds },
      nodes_values: { floats: values },
      nodes_modes: { texts: modes },
      nodes_truenodeids: { ints: trueIds },
      nodes_falsenodeids: { ints: falseIds },
      target_treeids: { ints: targetTrees },
      target_nodeids: { ints: targetNodes },
      target_ids: { ints: targetIds },
      target_weights: { floats: weights },
    },
  })
  return name
}

function writeLink(builder: GraphBuilder, scores: string, { transform, mean, scale }: Link): string {
  const row = (values: readonly number[]) => builder.constant(Float32Array.from(values), [1, values.length])
  const turned = builder.op('Add', [builder.op('Mul', [scores, row(scale)]), row(mean)])
  if (transform === 'none') return turned
  const positive = builder.op('Relu', [turned])
  if (transform === 'root') return builder.op('Mul', [positive, positive])
  return builder.op('Sub', [builder.op('Exp', [positive]), builder.scalar(1)])
}

/** Takes a graph of one input and one output in, under new names. */
function merge(builder: GraphBuilder, graph: OnnxGraph, input: string): string {
  const names = new Map<string, string>([[graph.inputs[0]!.name, input]])
  for (const [name, { values, dims, type }] of graph.constants)
    names.set(name, builder.constant(values, dims, name, type))
  const nameOf = (name: string) => {
    if (name === '') return ''
    const known = names.get(name)
    if (known !== undefined) return known
    const made = builder.name(name)
    names.set(name, made)
    return made
  }
  for (const node of graph.nodes) {
    const outputs = node.outputs.map(nameOf)
    builder.graph.nodes.push({ ...node, inputs: node.inputs.map(nameOf), outputs, name: outputs[0]! })
  }
  return nameOf(graph.outputs[0]!.name)
}
