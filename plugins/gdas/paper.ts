import type { Paper } from '../../core/index.ts'

export const paper: Paper = {
  title: 'Searching for a Robust Neural Architecture in Four GPU Hours',
  authors: 'Xuanyi Dong and Yi Yang',
  venue: 'IEEE/CVF Conference on Computer Vision and Pattern Recognition',
  year: 2019,
  url: 'https://arxiv.org/abs/1910.04465',
  bibtex: `@inproceedings{dong2019gdas,
  title     = {Searching for a Robust Neural Architecture in Four {GPU} Hours},
  author    = {Dong, Xuanyi and Yang, Yi},
  booktitle = {Proceedings of the IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  pages     = {1761--1770},
  year      = {2019},
  url       = {https://arxiv.org/abs/1910.04465}
}`,
}
