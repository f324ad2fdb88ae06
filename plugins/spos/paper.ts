import type { Paper } from '../../core/index.ts'

export const paper: Paper = {
  title: 'Single Path One-Shot Neural Architecture Search with Uniform Sampling',
  authors: 'Zichao Guo, Xiangyu Zhang, Haoyuan Mu, Wen Heng, Zechun Liu, Yichen Wei and Jian Sun',
  venue: 'European Conference on Computer Vision (ECCV)',
  year: 2020,
  url: 'https://arxiv.org/abs/1904.00420',
  bibtex: `@inproceedings{guo2020single,
  title     = {Single Path One-Shot Neural Architecture Search with Uniform Sampling},
  author    = {Guo, Zichao and Zhang, Xiangyu and Mu, Haoyuan and Heng, Wen and Liu, Zechun and Wei, Yichen and Sun, Jian},
  booktitle = {Computer Vision -- ECCV 2020},
  series    = {Lecture Notes in Computer Science},
  volume    = {12361},
  pages     = {544--560},
  publisher = {Springer},
  year      = {2020},
  url       = {https://arxiv.org/abs/1904.00420}
}`,
}
