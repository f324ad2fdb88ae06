import type { Paper } from '../../core/index.ts'

export const paper: Paper = {
  title: 'DARTS: Differentiable Architecture Search',
  authors: 'Hanxiao Liu, Karen Simonyan and Yiming Yang',
  venue: 'International Conference on Learning Representations (ICLR)',
  year: 2019,
  url: 'https://arxiv.org/abs/1806.09055',
  bibtex: `@inproceedings{liu2019darts,
  title     = {{DARTS}: Differentiable Architecture Search},
  author    = {Liu, Hanxiao and Simonyan, Karen and Yang, Yiming},
  booktitle = {International Conference on Learning Representations},
  year      = {2019},
  url       = {https://arxiv.org/abs/1806.09055}
}`,
}
