import type { Paper } from '../../core/index.ts'

export const papers: readonly Paper[] = [
  {
    title: 'BANANAS: Bayesian Optimization with Neural Architectures for Neural Architecture Search',
    authors: 'Colin White, Willie Neiswanger and Yash Savani',
    venue: 'Proceedings of the AAAI Conference on Artificial Intelligence 35',
    year: 2021,
    url: 'https://arxiv.org/abs/1910.11858',
    bibtex: `@inproceedings{white2021bananas,
  title     = {{BANANAS}: {B}ayesian Optimization with Neural Architectures for Neural Architecture Search},
  author    = {White, Colin and Neiswanger, Willie and Savani, Yash},
  booktitle = {Proceedings of the AAAI Conference on Artificial Intelligence},
  volume    = {35},
  year      = {2021}
}`,
  },
  {
    title: 'Extremely randomized trees',
    authors: 'Pierre Geurts, Damien Ernst and Louis Wehenkel',
    venue: 'Machine Learning 63',
    year: 2006,
    url: 'https://doi.org/10.1007/s10994-006-6226-1',
    bibtex: `@article{geurts2006extremely,
  title   = {Extremely randomized trees},
  author  = {Geurts, Pierre and Ernst, Damien and Wehenkel, Louis},
  journal = {Machine Learning},
  volume  = {63},
  year    = {2006}
}`,
  },
]
