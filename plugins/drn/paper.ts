import type { Paper } from '../../core/index.ts'

export const paper: Paper = {
  title: 'Closed-loop Matters: Dual Regression Networks for Single Image Super-Resolution',
  authors: 'Yong Guo, Jian Chen, Jingdong Wang, Qi Chen, Jiezhang Cao, Zeshuai Deng, Yanwu Xu, Mingkui Tan',
  venue: 'IEEE/CVF Conference on Computer Vision and Pattern Recognition',
  year: 2020,
  url: 'https://arxiv.org/abs/2003.07018',
  bibtex: `@inproceedings{guo2020closed,
  title = {Closed-loop Matters: Dual Regression Networks for Single Image Super-Resolution},
  author = {Guo, Yong and Chen, Jian and Wang, Jingdong and Chen, Qi and Cao, Jiezhang and Deng, Zeshuai and Xu, Yanwu and Tan, Mingkui},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  pages = {5407--5416},
  year = {2020},
  url = {https://arxiv.org/abs/2003.07018}
}`,
}
