/** The two spaces of TransNAS-Bench-101: cells, and rows of modules. */
import type { Paper } from '../../core/paper.ts'
import { defineSpace, type SearchSpace } from '../../core/space/index.ts'
import { error } from '../errors.ts'
import {
  type TransNasMacro,
  type TransNasMicro,
  transNasMacroConstraints,
  transNasMacroDecisions,
  transNasMicroDecisions,
  transNasModules,
  transNasOperations,
} from './space.ts'

export const transNasBenchPaper: Paper = {
  title: 'TransNAS-Bench-101: Improving Transferability and Generalizability of Cross-Task Neural Architecture Search',
  authors: 'Yawen Duan, Xin Chen, Hang Xu, Zewei Chen, Xiaodan Liang, Tong Zhang, Zhenguo Li',
  venue: 'IEEE/CVF Conference on Computer Vision and Pattern Recognition',
  year: 2021,
  url: 'https://arxiv.org/abs/2105.11871',
  bibtex: `@inproceedings{duan2021transnas,
  title = {{TransNAS-Bench-101}: Improving Transferability and Generalizability of Cross-Task Neural Architecture Search},
  author = {Duan, Yawen and Chen, Xin and Xu, Hang and Chen, Zewei and Liang, Xiaodan and Zhang, Tong and Li, Zhenguo},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  year = {2021},
  url = {https://arxiv.org/abs/2105.11871}
}`,
}

/** The cell space: six edges, four operations, 4,096 architectures. It has neither networks nor costs. */
export const transNasMicroSpace = (): SearchSpace<TransNasMicro> =>
  defineSpace('transnas-bench-101-micro', transNasMicroDecisions, { papers: [transNasBenchPaper] })

/** The space of rows of four to six modules: 3,256 architectures. It has neither networks nor costs. */
export const transNasMacroSpace = (): SearchSpace<TransNasMacro> =>
  defineSpace('transnas-bench-101-macro', transNasMacroDecisions, {
    constraints: transNasMacroConstraints,
    papers: [transNasBenchPaper],
  })

const digitsOf = ({ node1, node2, node3 }: TransNasMicro) =>
  [[node1.from0], [node2.from0, node2.from1], [node3.from0, node3.from1, node3.from2]].map((operations) =>
    operations.map((operation) => transNasOperations.indexOf(operation)).join(''),
  )

/** The text of a cell in the benchmark's files: `64-41414-1_02_333`. */
export const formatTransNasMicro = (architecture: TransNasMicro): string =>
  `64-41414-${digitsOf(architecture).join('_')}`

/** Parses this text. Error: ARCHLOOM_ARCHITECTURE_TEXT. */
export function parseTransNasMicro(text: string): TransNasMicro {
  const [, ...digits] = /^64-41414-([0-3])_([0-3])([0-3])_([0-3])([0-3])([0-3])$/.exec(text) ?? []
  if (digits.length === 0)
    throw error('ARCHLOOM_ARCHITECTURE_TEXT', {
      format: 'TransNAS-Bench-101 micro',
      received: text,
      expected: '64-41414- and one, two and three digits from 0 to 3, joined by _',
    })
  const at = (edge: number) => transNasOperations[Number(digits[edge])]!
  return {
    node1: { from0: at(0) },
    node2: { from0: at(1), from1: at(2) },
    node3: { from0: at(3), from1: at(4), from2: at(5) },
  }
}

/** The text of a row of modules in the benchmark's files: `64-1234-basic`. */
export const formatTransNasMacro = ({ modules }: TransNasMacro): string =>
  `64-${modules.map((module) => transNasModules.indexOf(module) + 1).join('')}-basic`

/** Parses this text. Error: ARCHLOOM_ARCHITECTURE_TEXT. */
export function parseTransNasMacro(text: string): TransNasMacro {
  const digits = /^64-([1-4]{4,6})-basic$/.exec(text)?.[1]
  if (digits === undefined)
    throw error('ARCHLOOM_ARCHITECTURE_TEXT', {
      format: 'TransNAS-Bench-101 macro',
      received: text,
      expected: '64-, four to six digits from 1 to 4, and -basic',
    })
  return { modules: [...digits].map((digit) => transNasModules[Number(digit) - 1]!) }
}

export { type TransNasMacro, type TransNasMicro, transNasModules, transNasOperations } from './space.ts'
