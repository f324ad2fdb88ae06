import type { Paper } from '../../core/index.ts'

export const paper: Paper = {
  title: 'Exploring the Loss Landscape in Neural Architecture Search',
  authors: 'Colin White, Sam Nolen and Yash Savani',
  venue: 'Uncertainty in Artificial Intelligence (UAI), PMLR 161',
  year: 2021,
  url: 'https://proceedings.mlr.press/v161/white21a.html',
  bibtex: `@inproceedings{white2021exploring,
  title     = {Exploring the Loss Landscape in Neural Architecture Search},
  author    = {White, Colin and Nolen, Sam and Savani, Yash},
  booktitle = {Proceedings of the Thirty-Seventh Conference on Uncertainty in Artificial Intelligence},
  series    = {Proceedings of Machine Learning Research},
  volume    = {161},
  pages     = {654--664},
  year      = {2021},
  publisher = {PMLR}
}`,
}
