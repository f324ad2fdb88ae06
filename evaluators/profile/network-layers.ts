import type { Network } from '../../core/trainer.ts'
import type { LayerRow } from './layer-table.ts'
import { type Trace, type TracedKernel, type TracedTensor, traceForward } from './trace.ts'

const kinds: Readonly<Record<string, LayerRow['kind']>> = {
  Conv2D: 'convolution',
  FusedConv2D: 'convolution',
  DepthwiseConv2dNative: 'depthwise-convolution',
  FusedDepthwiseConv2D: 'depthwise-convolution',
  Conv2DBackpropInput: 'transposed-convolution',
  BatchMatMul: 'dense',
  _FusedMatMul: 'dense',
}

/**
 * The layers with weights of a network, in the order in which they run, from one traced forward pass. Products of two
 * values that both depend on the input, and products with fixed matrices (resampling), do not count as layers.
 */
export async function layersOf(network: Network): Promise<LayerRow[]> {
  const variables = [...network.trainable, ...network.state]
  const apply = (x: Parameters<Network['apply']>[0]) => network.apply(x, { training: false })
  return layersOfTrace(await traceForward(apply, [1, ...network.inputShape], variables))
}

export function layersOfTrace(trace: Trace): LayerRow[] {
  const rows: LayerRow[] = []
  const taken = new Map<string, number>()
  for (const kernel of trace.kernels) {
    const row = rowOf(trace, kernel)
    if (!row) continue
    const uses = taken.get(row.name) ?? 0
    taken.set(row.name, uses + 1)
    rows.push(uses === 0 ? row : { ...row, name: `${row.name}:${uses}` })
  }
  return rows
}

function rowOf(trace: Trace, { name, inputs, outputs, attributes }: TracedKernel): LayerRow | undefined {
  const kind = kinds[name]
  const weights = trace.constants.get((kind === 'dense' ? inputs.b : inputs.filter) as number)
  if (!kind || weights?.name === undefined) return undefined
  const shapeOf = (reference: number | undefined) => (trace.tensors[reference as number] as TracedTensor).shape
  const path = weights.name.replace(/\/?kernel$/, '') || kind
  const bias = inputs.bias === undefined ? 0 : (shapeOf(inputs.bias).at(-1) ?? 0)
  const named = { name: path, kind, ...(bias > 0 && { others: bias }) }
  if (kind === 'dense') {
    const [rows = 1, columns = 1] = weights.shape.slice(-2)
    const [given, made] = attributes.transposeB ? [columns, rows] : [rows, columns]
    const positions = shapeOf(outputs[0]).slice(1, -1).reduce((product, size) => product * size, 1) // biome-ignore format: one line
    return { ...named, kernel: [1, 1], inputs: given, outputs: made, positions }
  }
  const [height = 1, width = 1, third = 1, fourth = 1] = weights.shape
  const area = shapeOf(kind === 'transposed-convolution' ? inputs.dy : outputs[0])
  const common = { ...named, kernel: [height, width] as const, positions: (area[1] ?? 1) * (area[2] ?? 1) }
  if (kind === 'transposed-convolution') return { ...common, inputs: fourth, outputs: third }
  if (kind === 'depthwise-convolution') return { ...common, inputs: third, outputs: third * fourth, groups: third }
  return { ...common, inputs: third, outputs: fourth }
}
