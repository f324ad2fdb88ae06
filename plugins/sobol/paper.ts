import type { Paper } from '../../core/index.ts'

export const paper: Paper = {
  title: 'Constructing Sobol Sequences with Better Two-Dimensional Projections',
  authors: 'Stephen Joe and Frances Y. Kuo',
  venue: 'SIAM Journal on Scientific Computing 30 (5)',
  year: 2008,
  url: 'https://doi.org/10.1137/070709359',
  bibtex: `@article{joe2008constructing,
  title   = {Constructing {S}obol Sequences with Better Two-Dimensional Projections},
  author  = {Joe, Stephen and Kuo, Frances Y.},
  journal = {SIAM Journal on Scientific Computing},
  volume  = {30},
  number  = {5},
  pages   = {2635--2654},
  year    = {2008}
}`,
}
