import type { Paper } from '../../core/paper.ts'

export const dartsPaper: Paper = {
  title: 'DARTS: Differentiable Architecture Search',
  authors: 'Hanxiao Liu, Karen Simonyan, Yiming Yang',
  venue: 'International Conference on Learning Representations',
  year: 2019,
  url: 'https://arxiv.org/abs/1806.09055',
  bibtex: `@inproceedings{liu2019darts,
  title = {{DARTS}: Differentiable Architecture Search},
  author = {Liu, Hanxiao and Simonyan, Karen and Yang, Yiming},
  booktitle = {International Conference on Learning Representations},
  year = {2019},
  url = {https://arxiv.org/abs/1806.09055}
}`,
}

export const enasPaper: Paper = {
  title: 'Efficient Neural Architecture Search via Parameter Sharing',
  authors: 'Hieu Pham, Melody Y. Guan, Barret Zoph, Quoc V. Le, Jeff Dean',
  venue: 'International Conference on Machine Learning',
  year: 2018,
  url: 'https://arxiv.org/abs/1802.03268',
  bibtex: `@inproceedings{pham2018enas,
  title = {Efficient Neural Architecture Search via Parameter Sharing},
  author = {Pham, Hieu and Guan, Melody Y. and Zoph, Barret and Le, Quoc V. and Dean, Jeff},
  booktitle = {International Conference on Machine Learning},
  pages = {4095--4104},
  year = {2018},
  url = {https://arxiv.org/abs/1802.03268}
}`,
}
