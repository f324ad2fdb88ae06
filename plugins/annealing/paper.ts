import type { Paper } from '../../core/index.ts'

export const paper: Paper = {
  title: 'Optimization by Simulated Annealing',
  authors: 'Scott Kirkpatrick, C. Daniel Gelatt and Mario P. Vecchi',
  venue: 'Science 220 (4598)',
  year: 1983,
  url: 'https://doi.org/10.1126/science.220.4598.671',
  bibtex: `@article{kirkpatrick1983optimization,
  title   = {Optimization by Simulated Annealing},
  author  = {Kirkpatrick, Scott and Gelatt, C. Daniel and Vecchi, Mario P.},
  journal = {Science},
  volume  = {220},
  number  = {4598},
  pages   = {671--680},
  year    = {1983}
}`,
}
