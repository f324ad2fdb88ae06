import { optionNames } from '../../core/options/index.ts'
import { oneOf, product, repeat, type SearchSpace } from '../../core/space/index.ts'
import { defineSpace } from '../../core/space/space.ts'
import { hasKernel, type LayerGraph } from './prunable-graph.ts'
import { bopsOf, edgeBitsOf } from './super-bit-cost.ts'
import {
  type BitChoice,
  type FilterGroups,
  type LayerBits,
  type SuperBitOptions,
  type SuperBitPlan,
  superBitPlan,
} from './super-bit-plan.ts'
import { groupScores } from './super-quantiser.ts'

/** The bits of every searched layer, and the number of filter groups that every prunable layer keeps. */
export interface SuperBitArchitecture {
  readonly bits: readonly LayerBits[]
  readonly keptGroups: readonly number[]
}

/** Compressions of one network, which any controller can search. */
export interface SuperBitSpace extends SearchSpace<SuperBitArchitecture> {
  readonly plan: SuperBitPlan
  /** The network that is compressed, and its plan. */
  readonly graph: LayerGraph
  readonly options: SuperBitOptions
  /**
   * Converts an architecture to a choice for the network. In each layer, the groups with the largest scores are kept.
   */
  choice(architecture: SuperBitArchitecture): BitChoice
  /** The share of full-precision BOPs that an architecture has. */
  share(architecture: SuperBitArchitecture): number
}

const superBitSpaceNames = optionNames<SuperBitOptions>('superBitSpace', {
  ladder: true,
  quantise: true,
  prune: true,
  edgeBits: true,
})

/**
 * The space of ABS (eq. 16) over a trained network: K² pairs of bits per layer, times the numbers of groups that a
 * prunable layer may keep. Errors: those of `superBitPlan`.
 */
export function superBitSpace(graph: LayerGraph, options: SuperBitOptions = {}): SuperBitSpace {
  superBitSpaceNames(options)
  const plan = superBitPlan(graph, options)
  const { ladder, layers, groups, quantised } = plan
  const inner = layers.filter(({ role }) => role === 'inner').length
  const widths = quantised ? ladder : [edgeBitsOf(plan)]
  const pair = () => product({ weights: oneOf(...widths), activations: oneOf(...widths) })
  const counts = ({ count, mostPruned }: FilterGroups) =>
    Array.from({ length: mostPruned + 1 }, (_, i) => count - mostPruned + i)
  const node = product({
    bits: repeat(inner as number, pair),
    keptGroups: repeat(groups.length as number, (g) => oneOf(...counts(groups[g] as FilterGroups))),
  })
  const ranked = groups.map((own) => ranking(graph, own))
  const edge = edgeBitsOf(plan)
  const choice = ({ bits, keptGroups }: SuperBitArchitecture): BitChoice => {
    const searched = [...bits]
    return {
      bits: layers.map(({ role }) =>
        role === 'inner' ? (searched.shift() as LayerBits) : { weights: edge, activations: edge },
      ),
      kept: keptGroups.map((count, g) => (ranked[g] as number[]).slice(0, count).sort((a, b) => a - b)),
    }
  }
  const space = defineSpace<SuperBitArchitecture>('super-bit', node)
  return Object.defineProperties({} as SuperBitSpace, {
    ...Object.getOwnPropertyDescriptors(space),
    plan: { value: plan, enumerable: true },
    graph: { value: graph, enumerable: true },
    options: { value: options, enumerable: true },
    choice: { value: choice, enumerable: true },
    share: {
      value: (architecture: SuperBitArchitecture) => bopsOf(plan, choice(architecture)) / plan.fullBops,
      enumerable: true,
    },
  })
}

/** Groups by score, the largest first. */
function ranking({ nodes }: LayerGraph, { name, filters, groupSize }: FilterGroups): number[] {
  const node = nodes.find((each) => each.name === name)
  if (!node || !hasKernel(node)) return []
  const scores = groupScores(node.kernel.data, filters, groupSize)
  return [...scores.keys()].sort((a, b) => scores[b]! - scores[a]!)
}
