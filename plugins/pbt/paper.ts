import type { Paper } from '../../core/index.ts'

export const paper: Paper = {
  title: 'Population Based Training of Neural Networks',
  authors:
    'Max Jaderberg, Valentin Dalibard, Simon Osindero, Wojciech M. Czarnecki, Jeff Donahue, Ali Razavi, Oriol Vinyals, Tim Green, Iain Dunning, Karen Simonyan, Chrisantha Fernando and Koray Kavukcuoglu',
  venue: 'arXiv preprint arXiv:1711.09846',
  year: 2017,
  url: 'https://arxiv.org/abs/1711.09846',
  bibtex: `@article{jaderberg2017population,
  title   = {Population Based Training of Neural Networks},
  author  = {Jaderberg, Max and Dalibard, Valentin and Osindero, Simon and Czarnecki, Wojciech M. and Donahue, Jeff and Razavi, Ali and Vinyals, Oriol and Green, Tim and Dunning, Iain and Simonyan, Karen and Fernando, Chrisantha and Kavukcuoglu, Koray},
  journal = {arXiv preprint arXiv:1711.09846},
  year    = {2017}
}`,
}
