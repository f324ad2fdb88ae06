import {
  type BitChoice,
  bopsOf,
  currentGraph,
  type GraphNetwork,
  type QuantisedLayer,
  type QuantisedModel,
  type SuperBitPlan,
  sliceGraph,
} from '../../search-spaces/compression/index.ts'

const path = (name: string) => name.split('/').filter(Boolean).join('/')

/** Indices of the kept filters of every prunable layer. */
const keptFilterIndices = ({ groups }: SuperBitPlan, kept: BitChoice['kept']) =>
  groups.map(({ groupSize }, g) =>
    (kept[g] ?? []).flatMap((c) => Array.from({ length: groupSize }, (_, i) => c * groupSize + i)),
  )

/**
 * The network of a choice as plain data: pruned filters are removed, and every layer has its bits and clip values.
 * Weights, clip values and statistics are the present ones of the network.
 */
export async function deriveModel(
  net: GraphNetwork & { readonly plan: SuperBitPlan; readonly weightScale: 'kept' | 'unit' },
  choice: BitChoice,
): Promise<QuantisedModel> {
  const { plan, scope, weightScale } = net
  const { coupling, groups, layers } = plan
  const filters = keptFilterIndices(plan, choice.kept)
  const keptOf = coupling.groups.map(({ channels }, coupled) => {
    const g = groups.findIndex((each) => each.coupled === coupled)
    return g === -1 ? channels.map((_, i) => i) : (filters[g] as number[])
  })
  const values = new Map((await scope.save()).map(({ name, data }) => [name, data]))
  const clip = (name: string, which: string) => Math.abs(values.get(`${path(name)}/${which}`)?.[0] ?? 1)
  return {
    graph: sliceGraph(await currentGraph(net), coupling, keptOf),
    layers: layers.map(({ name, role, signed }, l): QuantisedLayer => {
      const bits = choice.bits[l] as BitChoice['bits'][number]
      return {
        name,
        weights: bits.weights,
        // The input of the network stays in floating point.
        activations: role === 'first' ? 32 : bits.activations,
        weightClip: clip(name, 'weight_clip'),
        activationClip: clip(name, 'activation_clip'),
        signed,
        standardise: role !== 'last',
        weightScale,
      }
    }),
    kept: Object.fromEntries(groups.map(({ name }, g) => [name, filters[g] as number[]])),
    bops: bopsOf(plan, choice),
    fullBops: plan.fullBops,
  }
}
