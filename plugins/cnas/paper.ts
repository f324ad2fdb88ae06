import type { Paper } from '../../core/index.ts'

export const paper: Paper = {
  title: 'Breaking the Curse of Space Explosion: Towards Efficient NAS with Curriculum Search',
  authors: 'Yong Guo, Yaofo Chen, Yin Zheng, Peilin Zhao, Jian Chen, Junzhou Huang, Mingkui Tan',
  venue: 'International Conference on Machine Learning (ICML), PMLR 119:3822–3831',
  year: 2020,
  url: 'https://arxiv.org/abs/2007.07197',
  bibtex: `@inproceedings{guo2020breaking,
  title     = {Breaking the Curse of Space Explosion: Towards Efficient {NAS} with Curriculum Search},
  author    = {Guo, Yong and Chen, Yaofo and Zheng, Yin and Zhao, Peilin and Chen, Jian and Huang, Junzhou and Tan, Mingkui},
  booktitle = {International Conference on Machine Learning},
  series    = {Proceedings of Machine Learning Research},
  volume    = {119},
  pages     = {3822--3831},
  year      = {2020},
  url       = {https://arxiv.org/abs/2007.07197}
}`,
}
