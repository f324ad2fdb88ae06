import type { Paper } from '../../core/index.ts'

export const papers: readonly Paper[] = [
  {
    title: 'Practical Bayesian Optimization of Machine Learning Algorithms',
    authors: 'Jasper Snoek, Hugo Larochelle and Ryan P. Adams',
    venue: 'Advances in Neural Information Processing Systems 25',
    year: 2012,
    url: 'https://arxiv.org/abs/1206.2944',
    bibtex: `@inproceedings{snoek2012practical,
  title     = {Practical {B}ayesian Optimization of Machine Learning Algorithms},
  author    = {Snoek, Jasper and Larochelle, Hugo and Adams, Ryan P.},
  booktitle = {Advances in Neural Information Processing Systems},
  volume    = {25},
  year      = {2012}
}`,
  },
  {
    title: 'Unexpected Improvements to Expected Improvement for Bayesian Optimization',
    authors: 'Sebastian Ament, Samuel Daulton, David Eriksson, Maximilian Balandat and Eytan Bakshy',
    venue: 'Advances in Neural Information Processing Systems 36',
    year: 2023,
    url: 'https://arxiv.org/abs/2310.20708',
    bibtex: `@inproceedings{ament2023unexpected,
  title     = {Unexpected Improvements to Expected Improvement for {B}ayesian Optimization},
  author    = {Ament, Sebastian and Daulton, Samuel and Eriksson, David and Balandat, Maximilian and Bakshy, Eytan},
  booktitle = {Advances in Neural Information Processing Systems},
  volume    = {36},
  year      = {2023}
}`,
  },
]
