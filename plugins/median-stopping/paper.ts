import type { Paper } from '../../core/index.ts'

export const paper: Paper = {
  title: 'Google Vizier: A Service for Black-Box Optimization',
  authors: 'Daniel Golovin, Benjamin Solnik, Subhodeep Moitra, Greg Kochanski, John Karro and D. Sculley',
  venue: 'ACM SIGKDD International Conference on Knowledge Discovery and Data Mining',
  year: 2017,
  url: 'https://doi.org/10.1145/3097983.3098043',
  bibtex: `@inproceedings{golovin2017vizier,
  title     = {Google Vizier: A Service for Black-Box Optimization},
  author    = {Golovin, Daniel and Solnik, Benjamin and Moitra, Subhodeep and Kochanski, Greg and Karro, John and Sculley, D.},
  booktitle = {ACM SIGKDD International Conference on Knowledge Discovery and Data Mining},
  pages     = {1487--1495},
  year      = {2017}
}`,
}
