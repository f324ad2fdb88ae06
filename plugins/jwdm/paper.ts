import type { Paper } from '../../core/index.ts'

export const paper: Paper = {
  title: 'Joint Wasserstein Distribution Matching',
  authors: 'Jiezhang Cao, Langyuan Mo, Qing Du, Yong Guo, Peilin Zhao, Junzhou Huang, Mingkui Tan',
  venue: 'arXiv preprint',
  year: 2020,
  url: 'https://arxiv.org/abs/2003.00389',
  bibtex: `@article{cao2020joint,
  title = {Joint Wasserstein Distribution Matching},
  author = {Cao, Jiezhang and Mo, Langyuan and Du, Qing and Guo, Yong and Zhao, Peilin and Huang, Junzhou and Tan, Mingkui},
  journal = {arXiv preprint arXiv:2003.00389},
  year = {2020},
  url = {https://arxiv.org/abs/2003.00389}
}`,
}
