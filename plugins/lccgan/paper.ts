import type { Paper } from '../../core/index.ts'

export const papers: readonly Paper[] = [
  {
    title: 'Adversarial Learning with Local Coordinate Coding',
    authors: 'Jiezhang Cao, Yong Guo, Qingyao Wu, Chunhua Shen, Junzhou Huang, Mingkui Tan',
    venue: 'International Conference on Machine Learning',
    year: 2018,
    url: 'https://arxiv.org/abs/1806.04895',
    bibtex: `@inproceedings{cao2018adversarial,
  title = {Adversarial Learning with Local Coordinate Coding},
  author = {Cao, Jiezhang and Guo, Yong and Wu, Qingyao and Shen, Chunhua and Huang, Junzhou and Tan, Mingkui},
  booktitle = {International Conference on Machine Learning},
  year = {2018},
  url = {https://arxiv.org/abs/1806.04895}
}`,
  },
  {
    title: 'Improving Generative Adversarial Networks with Local Coordinate Coding',
    authors: 'Jiezhang Cao, Yong Guo, Qingyao Wu, Chunhua Shen, Junzhou Huang, Mingkui Tan',
    venue: 'IEEE Transactions on Pattern Analysis and Machine Intelligence',
    year: 2020,
    url: 'https://arxiv.org/abs/2008.00942',
    bibtex: `@article{cao2020improving,
  title = {Improving Generative Adversarial Networks with Local Coordinate Coding},
  author = {Cao, Jiezhang and Guo, Yong and Wu, Qingyao and Shen, Chunhua and Huang, Junzhou and Tan, Mingkui},
  journal = {IEEE Transactions on Pattern Analysis and Machine Intelligence},
  year = {2020},
  url = {https://arxiv.org/abs/2008.00942}
}`,
  },
]
