import type { Paper } from '../../core/index.ts'

export const paper: Paper = {
  title: 'Regularized Evolution for Image Classifier Architecture Search',
  authors: 'Esteban Real, Alok Aggarwal, Yanping Huang and Quoc V. Le',
  venue: 'AAAI Conference on Artificial Intelligence',
  year: 2019,
  url: 'https://arxiv.org/abs/1802.01548',
  bibtex: `@inproceedings{real2019regularized,
  title     = {Regularized Evolution for Image Classifier Architecture Search},
  author    = {Real, Esteban and Aggarwal, Alok and Huang, Yanping and Le, Quoc V.},
  booktitle = {Proceedings of the AAAI Conference on Artificial Intelligence},
  volume    = {33},
  number    = {01},
  pages     = {4780--4789},
  year      = {2019}
}`,
}
