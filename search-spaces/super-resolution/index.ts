/**
 * Super-resolution: a space with a normal cell, an upsampling cell and its position (HNAS), and layers that enlarging
 * networks share.
 */
import { optionError } from '../../core/options/index.ts'
import type { BuildOptions } from '../../core/trainer.ts'
import { defineNetworkSpace, type NetworkSpace } from '../network-space.ts'
import { type NormalisationOption, nameableOptions, normalisationParts } from '../operations/normalisation.ts'
import { buildCompactNetwork, type CompactOptions } from './compact.ts'
import { type SuperResolutionCost, superResolutionCost } from './cost.ts'
import { buildSuperResolutionNetwork } from './network.ts'
import { hnasPaper } from './papers.ts'
import {
  type ResolvedOptions,
  resolveOptions,
  type SuperResolutionArchitecture,
  type SuperResolutionOptions,
  superResolutionDecisions,
  superResolutionName,
} from './space.ts'
import { superResolutionSupernet } from './supernet.ts'
import type { ScopedUpscalingNetwork } from './upscaler.ts'

/** `build` returns networks that enlarge images of any size; `classes` is ignored. */
export type SuperResolutionSpace = {
  build(architecture: SuperResolutionArchitecture, options: BuildOptions): ScopedUpscalingNetwork
} & NetworkSpace<SuperResolutionArchitecture, ResolvedOptions, SuperResolutionCost>

/**
 * The space of HNAS (Guo et al., arXiv:2003.04619): six operations on the edges of a normal cell, five on those of an
 * upsampling cell, and which of the cells in a row is the upsampling one. A `normalisation` implies `normalised`.
 * Error: ARCHLOOM_OPTION for options with which no network can be built.
 */
export function superResolutionSpace(given: SuperResolutionOptions & NormalisationOption = {}): SuperResolutionSpace {
  const { normalisation: chosen, ...rest } = given
  if (chosen !== undefined && rest.normalised === false)
    throw optionError('superResolutionSpace', 'normalised', false, 'true, or nothing, together with a normalisation')
  const own = chosen === undefined ? rest : { ...rest, normalised: true }
  const options = resolveOptions(own)
  const normalisation = normalisationParts(given)
  const build = (architecture: SuperResolutionArchitecture, { input, rng }: BuildOptions) =>
    buildSuperResolutionNetwork(architecture, options, { input, rng, ...normalisation })
  const name = superResolutionName(nameableOptions({ ...own, normalisation: chosen }))
  const space = defineNetworkSpace(name, superResolutionDecisions(options), {
    options,
    origin: { factory: 'superResolutionSpace', room: 'super-resolution', given },
    papers: [hnasPaper],
    cost: (architecture: SuperResolutionArchitecture, { input }) => superResolutionCost(architecture, options, input),
    build,
    supernet: (parts) => superResolutionSupernet(options, { ...parts, ...normalisation }),
  })
  return Object.assign(space, { build })
}

export {
  type ChannelAttentionOptions,
  channelAttention,
  countResidualChannelAttention,
  type ResidualChannelAttentionOptions,
  residualChannelAttention,
} from './attention.ts'
export { type BaselineOptions, baselineChannels, baselineCost, buildBaselineNetwork } from './baseline.ts'
export { buildCompactNetwork, type CompactOptions } from './compact.ts'
export { publishedFlops, publishedSearchCost, type SuperResolutionCost, superResolutionCost } from './cost.ts'
export { selfEnsemble } from './ensemble.ts'
export { type AxisWeights, bicubicUpsampling, interpolation } from './interpolation.ts'
export { buildSuperResolutionNetwork } from './network.ts'
export { hnasPaper } from './papers.ts'
export * from './published.ts'
export {
  type NormalOperationName,
  normalOperations,
  type SuperResolutionArchitecture,
  type SuperResolutionEdge,
  type SuperResolutionNode,
  type SuperResolutionOptions,
  type UpsamplingOperationName,
  upsamplingOperations,
} from './space.ts'
export { type SuperResolutionSupernet, superResolutionSupernet } from './supernet.ts'
export {
  addMean,
  MEAN_COLOUR,
  type ScopedUpscalingNetwork,
  subtractMean,
  type UpscalingNetwork,
  type UpscalingParts,
  upscalingNetwork,
} from './upscaler.ts'

/** Builders of networks from plain JSON, by the kind that saved models name. */
export const upscalers = {
  /** Options: those of `buildCompactNetwork`. */
  compact: (options: Readonly<Record<string, unknown>>, parts: Pick<BuildOptions, 'input' | 'rng'>) =>
    buildCompactNetwork(options as unknown as CompactOptions, parts),
  /** Options: `space`, those of `superResolutionSpace`, and `architecture`. */
  cells: (
    { space = {}, architecture }: Readonly<Record<string, unknown>>,
    parts: Pick<BuildOptions, 'input' | 'rng'>,
  ) => {
    const made = superResolutionSpace(space as SuperResolutionOptions)
    // Encoding and decoding checks that the architecture belongs to the space.
    const checked = made.decode(made.encode(architecture as SuperResolutionArchitecture))
    return made.build(checked, { ...parts, classes: 0 })
  },
} as const
