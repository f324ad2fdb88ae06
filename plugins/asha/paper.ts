import type { Paper } from '../../core/index.ts'

export const paper: Paper = {
  title: 'A System for Massively Parallel Hyperparameter Tuning',
  authors:
    'Liam Li, Kevin Jamieson, Afshin Rostamizadeh, Ekaterina Gonina, Jonathan Ben-tzur, Moritz Hardt, Benjamin Recht and Ameet Talwalkar',
  venue: 'Proceedings of Machine Learning and Systems 2',
  year: 2020,
  url: 'https://arxiv.org/abs/1810.05934',
  bibtex: `@inproceedings{li2020system,
  title     = {A System for Massively Parallel Hyperparameter Tuning},
  author    = {Li, Liam and Jamieson, Kevin and Rostamizadeh, Afshin and Gonina, Ekaterina and Ben-tzur, Jonathan and Hardt, Moritz and Recht, Benjamin and Talwalkar, Ameet},
  booktitle = {Proceedings of Machine Learning and Systems},
  volume    = {2},
  pages     = {230--246},
  year      = {2020}
}`,
}
