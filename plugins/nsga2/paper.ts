import type { Paper } from '../../core/index.ts'

export const paper: Paper = {
  title: 'A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II',
  authors: 'Kalyanmoy Deb, Amrit Pratap, Sameer Agarwal and T. Meyarivan',
  venue: 'IEEE Transactions on Evolutionary Computation 6 (2)',
  year: 2002,
  url: 'https://doi.org/10.1109/4235.996017',
  bibtex: `@article{deb2002fast,
  title   = {A Fast and Elitist Multiobjective Genetic Algorithm: {NSGA-II}},
  author  = {Deb, Kalyanmoy and Pratap, Amrit and Agarwal, Sameer and Meyarivan, T.},
  journal = {IEEE Transactions on Evolutionary Computation},
  volume  = {6},
  number  = {2},
  pages   = {182--197},
  year    = {2002}
}`,
}
