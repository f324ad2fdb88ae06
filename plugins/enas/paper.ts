import type { Paper } from '../../core/index.ts'

export const paper: Paper = {
  title: 'Efficient Neural Architecture Search via Parameters Sharing',
  authors: 'Hieu Pham, Melody Guan, Barret Zoph, Quoc Le and Jeff Dean',
  venue: 'International Conference on Machine Learning (ICML)',
  year: 2018,
  url: 'https://arxiv.org/abs/1802.03268',
  bibtex: `@inproceedings{pham2018enas,
  title     = {Efficient Neural Architecture Search via Parameters Sharing},
  author    = {Pham, Hieu and Guan, Melody and Zoph, Barret and Le, Quoc and Dean, Jeff},
  booktitle = {Proceedings of the 35th International Conference on Machine Learning},
  series    = {Proceedings of Machine Learning Research},
  volume    = {80},
  pages     = {4095--4104},
  year      = {2018},
  url       = {https://arxiv.org/abs/1802.03268}
}`,
}
