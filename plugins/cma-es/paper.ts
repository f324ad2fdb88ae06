import type { Paper } from '../../core/index.ts'

export const paper: Paper = {
  title: 'The CMA Evolution Strategy: A Tutorial',
  authors: 'Nikolaus Hansen',
  venue: 'arXiv preprint arXiv:1604.00772',
  year: 2016,
  url: 'https://arxiv.org/abs/1604.00772',
  bibtex: `@article{hansen2016cma,
  title   = {The {CMA} Evolution Strategy: A Tutorial},
  author  = {Hansen, Nikolaus},
  journal = {arXiv preprint arXiv:1604.00772},
  year    = {2016}
}`,
}
