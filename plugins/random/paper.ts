import type { Paper } from '../../core/index.ts'

export const paper: Paper = {
  title: 'Random Search and Reproducibility for Neural Architecture Search',
  authors: 'Liam Li and Ameet Talwalkar',
  venue: 'Uncertainty in Artificial Intelligence (UAI 2019), PMLR 115',
  year: 2020,
  url: 'https://arxiv.org/abs/1902.07638',
  bibtex: `@inproceedings{li2020random,
  title     = {Random Search and Reproducibility for Neural Architecture Search},
  author    = {Li, Liam and Talwalkar, Ameet},
  booktitle = {Proceedings of the 35th Conference on Uncertainty in Artificial Intelligence},
  series    = {Proceedings of Machine Learning Research},
  volume    = {115},
  pages     = {367--377},
  year      = {2020},
  publisher = {PMLR}
}`,
}
