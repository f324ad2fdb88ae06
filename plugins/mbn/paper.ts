import type { Paper } from '../../core/index.ts'

export const papers: readonly Paper[] = [
  {
    title: 'Double Forward Propagation for Memorized Batch Normalization',
    authors: 'Yong Guo, Qingyao Wu, Chaorui Deng, Jian Chen, Mingkui Tan',
    venue: 'AAAI Conference on Artificial Intelligence',
    year: 2018,
    url: 'https://arxiv.org/abs/2010.04947',
    bibtex: `@inproceedings{guo2018double,
  title = {Double Forward Propagation for Memorized Batch Normalization},
  author = {Guo, Yong and Wu, Qingyao and Deng, Chaorui and Chen, Jian and Tan, Mingkui},
  booktitle = {AAAI Conference on Artificial Intelligence},
  year = {2018},
  url = {https://arxiv.org/abs/2010.04947}
}`,
  },
]
