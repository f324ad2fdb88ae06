import type { Paper } from '../../core/index.ts'

export const papers: readonly Paper[] = [
  {
    title: 'Simple Statistical Gradient-Following Algorithms for Connectionist Reinforcement Learning',
    authors: 'Ronald J. Williams',
    venue: 'Machine Learning 8(3–4)',
    year: 1992,
    url: 'https://doi.org/10.1007/BF00992696',
    bibtex: `@article{williams1992simple,
  title   = {Simple Statistical Gradient-Following Algorithms for Connectionist Reinforcement Learning},
  author  = {Williams, Ronald J.},
  journal = {Machine Learning},
  volume  = {8},
  number  = {3--4},
  pages   = {229--256},
  year    = {1992},
  doi     = {10.1007/BF00992696}
}`,
  },
  {
    title: 'Neural Architecture Search with Reinforcement Learning',
    authors: 'Barret Zoph and Quoc V. Le',
    venue: 'International Conference on Learning Representations (ICLR)',
    year: 2017,
    url: 'https://arxiv.org/abs/1611.01578',
    bibtex: `@inproceedings{zoph2017neural,
  title     = {Neural Architecture Search with Reinforcement Learning},
  author    = {Zoph, Barret and Le, Quoc V.},
  booktitle = {International Conference on Learning Representations},
  year      = {2017},
  url       = {https://arxiv.org/abs/1611.01578}
}`,
  },
]
