import type { Paper } from '../../core/index.ts'

export const hyperbandPaper: Paper = {
  title: 'Hyperband: A Novel Bandit-Based Approach to Hyperparameter Optimization',
  authors: 'Lisha Li, Kevin Jamieson, Giulia DeSalvo, Afshin Rostamizadeh and Ameet Talwalkar',
  venue: 'Journal of Machine Learning Research 18(185)',
  year: 2018,
  url: 'https://arxiv.org/abs/1603.06560',
  bibtex: `@article{li2018hyperband,
  title   = {Hyperband: A Novel Bandit-Based Approach to Hyperparameter Optimization},
  author  = {Li, Lisha and Jamieson, Kevin and DeSalvo, Giulia and Rostamizadeh, Afshin and Talwalkar, Ameet},
  journal = {Journal of Machine Learning Research},
  volume  = {18},
  number  = {185},
  pages   = {1--52},
  year    = {2018}
}`,
}

export const successiveHalvingPaper: Paper = {
  title: 'Non-stochastic Best Arm Identification and Hyperparameter Optimization',
  authors: 'Kevin Jamieson and Ameet Talwalkar',
  venue: 'International Conference on Artificial Intelligence and Statistics (AISTATS)',
  year: 2016,
  url: 'https://arxiv.org/abs/1502.07943',
  bibtex: `@inproceedings{jamieson2016nonstochastic,
  title     = {Non-stochastic Best Arm Identification and Hyperparameter Optimization},
  author    = {Jamieson, Kevin and Talwalkar, Ameet},
  booktitle = {International Conference on Artificial Intelligence and Statistics},
  pages     = {240--248},
  year      = {2016}
}`,
}
