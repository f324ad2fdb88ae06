/** The macro space of NAS-Bench-Macro: eight layers, three operations, 6,561 architectures. */
import type { Paper } from '../../core/paper.ts'
import { defineNetworkSpace, type NetworkSpace } from '../network-space.ts'
import { blockChainCost, buildBlockChain } from '../operations/index.ts'
import { type NormalisationOption, nameableOptions, normalisationParts } from '../operations/normalisation.ts'
import { checkedOptions, macroChain } from './network.ts'
import {
  type NasBenchMacroArchitecture,
  type NasBenchMacroOptions,
  nasBenchMacroDecisions,
  nasBenchMacroName,
} from './space.ts'

export const nasBenchMacroPaper: Paper = {
  title: 'Prioritized Architecture Sampling with Monto-Carlo Tree Search',
  authors: 'Xiu Su, Tao Huang, Yanxi Li, Shan You, Fei Wang, Chen Qian, Changshui Zhang, Chang Xu',
  venue: 'IEEE/CVF Conference on Computer Vision and Pattern Recognition',
  year: 2021,
  url: 'https://arxiv.org/abs/2103.11922',
  bibtex: `@inproceedings{su2021prioritized,
  title = {Prioritized Architecture Sampling with {Monto-Carlo} Tree Search},
  author = {Su, Xiu and Huang, Tao and Li, Yanxi and You, Shan and Wang, Fei and Qian, Chen and Zhang, Changshui and Xu, Chang},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  year = {2021},
  url = {https://arxiv.org/abs/2103.11922}
}`,
}

export type NasBenchMacroSpace = NetworkSpace<NasBenchMacroArchitecture, Required<NasBenchMacroOptions>>

/** Eight layers; `space.format(genotype)` is the key of the benchmark's file. Throws ARCHLOOM_OPTION. */
export function nasBenchMacroSpace(given: NasBenchMacroOptions & NormalisationOption = {}): NasBenchMacroSpace {
  const options = checkedOptions(given)
  const normalisation = normalisationParts(given)
  return defineNetworkSpace(nasBenchMacroName(nameableOptions(given)), nasBenchMacroDecisions, {
    options,
    origin: { factory: 'nasBenchMacroSpace', room: 'nas-bench-macro', given },
    papers: [nasBenchMacroPaper],
    cost: (architecture: NasBenchMacroArchitecture, { input, classes }) =>
      blockChainCost(macroChain(architecture, options, input, classes)),
    build: (architecture: NasBenchMacroArchitecture, { input, classes, rng }) =>
      buildBlockChain(macroChain(architecture, options, input, classes), rng, normalisation),
  })
}

export { formatMacroKey, parseMacroKey } from './key.ts'
export { macroChain, macroOperations } from './network.ts'
export {
  type NasBenchMacroArchitecture,
  type NasBenchMacroOperation,
  type NasBenchMacroOptions,
  nasBenchMacroOperations,
} from './space.ts'
