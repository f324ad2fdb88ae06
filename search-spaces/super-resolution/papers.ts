import type { Paper } from '../../core/paper.ts'

export const hnasPaper: Paper = {
  title: 'Hierarchical Neural Architecture Search for Single Image Super-Resolution',
  authors: 'Yong Guo, Yongsheng Luo, Zhenhao He, Jin Huang, Jian Chen',
  venue: 'IEEE Signal Processing Letters 27',
  year: 2020,
  url: 'https://arxiv.org/abs/2003.04619',
  bibtex: `@article{guo2020hierarchical,
  title = {Hierarchical Neural Architecture Search for Single Image Super-Resolution},
  author = {Guo, Yong and Luo, Yongsheng and He, Zhenhao and Huang, Jin and Chen, Jian},
  journal = {IEEE Signal Processing Letters},
  volume = {27},
  pages = {1255--1259},
  year = {2020},
  url = {https://arxiv.org/abs/2003.04619}
}`,
}
