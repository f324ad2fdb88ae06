import type { Network } from '../../core/trainer.ts'
import type { LayerRow } from '../profile/layer-table.ts'
import { layersOfTrace } from '../profile/network-layers.ts'
import { type Trace, traceForward } from '../profile/trace.ts'
import { isLinear } from './watch.ts'

/** Layers with weights, and the largest number of them on a path from the input to the output. */
export async function countLayers(
  network: Network,
): Promise<{ readonly layers: readonly LayerRow[]; readonly depth: number }> {
  const variables = [...network.trainable, ...network.state]
  const trace = await traceForward((x) => network.apply(x, { training: false }), [1, ...network.inputShape], variables)
  return { layers: layersOfTrace(trace).map(({ others: _, ...row }) => row), depth: depthOf(trace) }
}

function depthOf({ input, output, kernels }: Trace): number {
  const depths = new Map<number, number>([[input, 0]])
  for (const kernel of kernels) {
    const before = Object.values(kernel.inputs).flatMap((reference) => depths.get(reference) ?? [])
    if (before.length === 0) continue
    const depth = Math.max(...before) + Number(isLinear(kernel))
    for (const reference of kernel.outputs) depths.set(reference, depth)
  }
  return depths.get(output) ?? 0
}
