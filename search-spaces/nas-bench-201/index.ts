/** The cell space of NAS-Bench-201: six edges, five operations, 15,625 architectures. */

import type { Paper } from '../../core/paper.ts'
import { defineNetworkSpace, type NetworkSpace } from '../network-space.ts'
import { type NormalisationOption, nameableOptions, normalisationParts } from '../operations/normalisation.ts'
import { nasBench201Cost } from './cost.ts'
import { buildNasBench201Network } from './network.ts'
import { checkedOptions, planNasBench201 } from './plan.ts'
import {
  type NasBench201Architecture,
  type NasBench201Options,
  nasBench201Decisions,
  nasBench201Name,
} from './space.ts'
import { nasBench201Supernet } from './supernet.ts'

export const nasBench201Paper: Paper = {
  title: 'NAS-Bench-201: Extending the Scope of Reproducible Neural Architecture Search',
  authors: 'Xuanyi Dong, Yi Yang',
  venue: 'International Conference on Learning Representations',
  year: 2020,
  url: 'https://arxiv.org/abs/2001.00326',
  bibtex: `@inproceedings{dong2020nasbench201,
  title = {{NAS-Bench-201}: Extending the Scope of Reproducible Neural Architecture Search},
  author = {Dong, Xuanyi and Yang, Yi},
  booktitle = {International Conference on Learning Representations},
  year = {2020},
  url = {https://arxiv.org/abs/2001.00326}
}`,
}

export type NasBench201Space = NetworkSpace<NasBench201Architecture, Required<NasBench201Options>>

/**
 * The space of networks with `cells` cells per stage. The benchmark's table holds results for the default options.
 * Error: ARCHLOOM_OPTION.
 */
export function nasBench201Space(given: NasBench201Options & NormalisationOption = {}): NasBench201Space {
  const options = checkedOptions(given)
  const normalisation = normalisationParts(given)
  return defineNetworkSpace(nasBench201Name(nameableOptions(given)), nasBench201Decisions, {
    options,
    origin: { factory: 'nasBench201Space', room: 'nas-bench-201', given },
    papers: [nasBench201Paper],
    cost: (architecture: NasBench201Architecture, { input, classes }) =>
      nasBench201Cost(architecture, planNasBench201(options, input, classes)),
    build: (architecture: NasBench201Architecture, { input, classes, rng }) =>
      buildNasBench201Network(architecture, planNasBench201(options, input, classes), rng, normalisation),
    supernet: ({ input, classes, rng }) =>
      nasBench201Supernet(planNasBench201(options, input, classes), { rng, ...normalisation }),
  })
}

export { formatArchString, parseArchString } from './arch-string.ts'
export {
  cellOfChain,
  chainOperations,
  type NasBench201Chain,
  type NasBench201ChainSpace,
  nasBench201ChainSpace,
} from './chain.ts'
export { nasBench201Cost } from './cost.ts'
export {
  buildNasBench201Edge,
  buildNasBench201Network,
  fixedNasBench201Body,
  type NasBench201Place,
  type NasBench201SkeletonParts,
  nasBench201Network,
} from './network.ts'
export { genotypeOfIndex, officialIndex } from './official-index.ts'
export { type NasBench201Plan, type NasBench201Stage, planNasBench201 } from './plan.ts'
export {
  formatNatsBenchSize,
  type NatsBenchSize,
  type NatsBenchSizeSpace,
  natsBenchSizeSpace,
  parseNatsBenchSize,
} from './size.ts'
export {
  edgesOf,
  type NasBench201Architecture,
  type NasBench201Operation,
  type NasBench201Options,
  nasBench201Operations,
} from './space.ts'
export { nasBench201Supernet } from './supernet.ts'
