/** A chain of inverted residual blocks (the family of MobileNetV2): kernel, width, depth and expansion. */
import type { Paper } from '../../core/paper.ts'
import { defineNetworkSpace, type NetworkSpace } from '../network-space.ts'
import { blockChainCost, buildBlockChain } from '../operations/index.ts'
import { type NormalisationOption, nameableOptions, normalisationParts } from '../operations/normalisation.ts'
import { chainOf, checkedOptions } from './network.ts'
import {
  type ChainArchitectureOf,
  type ChainOptions,
  chainDecisions,
  type chainDefaults,
  chainSpaceName,
} from './space.ts'
import { chainSupernet } from './supernet.ts'

export const mobileNetV2Paper: Paper = {
  title: 'MobileNetV2: Inverted Residuals and Linear Bottlenecks',
  authors: 'Mark Sandler, Andrew Howard, Menglong Zhu, Andrey Zhmoginov, Liang-Chieh Chen',
  venue: 'IEEE/CVF Conference on Computer Vision and Pattern Recognition',
  year: 2018,
  url: 'https://arxiv.org/abs/1801.04381',
  bibtex: `@inproceedings{sandler2018mobilenetv2,
  title = {{MobileNetV2}: Inverted Residuals and Linear Bottlenecks},
  author = {Sandler, Mark and Howard, Andrew and Zhu, Menglong and Zhmoginov, Andrey and Chen, Liang-Chieh},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  pages = {4510--4520},
  year = {2018},
  url = {https://arxiv.org/abs/1801.04381}
}`,
}

export type ChainSpace<
  K extends readonly number[] = readonly number[],
  E extends readonly number[] = readonly number[],
> = NetworkSpace<ChainArchitectureOf<K, E>, Required<ChainOptions<K, E>>>

/** Stages of variable depth; every block chooses its kernel and expansion. Throws ARCHLOOM_OPTION. */
export function chainSpace<
  const K extends readonly number[] = typeof chainDefaults.kernels,
  const E extends readonly number[] = typeof chainDefaults.expansions,
>(given: ChainOptions<K, E> & NormalisationOption = {}): ChainSpace<K, E> {
  const options = checkedOptions<K, E>(given)
  const normalisation = normalisationParts(given)
  const decisions = chainDecisions(options.stages, options.kernels, options.expansions)
  return defineNetworkSpace(chainSpaceName(nameableOptions(given)), decisions, {
    options,
    origin: { factory: 'chainSpace', room: 'chain', given },
    papers: [mobileNetV2Paper],
    cost: (architecture: ChainArchitectureOf<K, E>, { input, classes }) =>
      blockChainCost(chainOf(architecture, options, input, classes)),
    build: (architecture: ChainArchitectureOf<K, E>, { input, classes, rng }) =>
      buildBlockChain(chainOf(architecture, options, input, classes), rng, normalisation),
    supernet: (build) => chainSupernet(options, { ...build, ...normalisation }),
  })
}

export { chainOf } from './network.ts'
export type {
  ChainArchitecture,
  ChainArchitectureOf,
  ChainBlock,
  ChainOptions,
  ChainStage,
  ChainStageChoice,
} from './space.ts'
export { chainSupernet } from './supernet.ts'
