import type { Paper } from '../../core/index.ts'

/** Disturbance-immune weight sharing: its abstract is all that this plugin follows of the text. */
export const paper: Paper = {
  title: 'Disturbance-immune Weight Sharing for Neural Architecture Search',
  authors: 'Shuaicheng Niu, Jiaxiang Wu, Yifan Zhang, Yong Guo, Peilin Zhao, Junzhou Huang and Mingkui Tan',
  venue: 'Neural Networks 144',
  year: 2021,
  url: 'https://arxiv.org/abs/2003.13089',
  bibtex: `@article{niu2021disturbance,
  title   = {Disturbance-immune Weight Sharing for Neural Architecture Search},
  author  = {Niu, Shuaicheng and Wu, Jiaxiang and Zhang, Yifan and Guo, Yong and Zhao, Peilin and Huang, Junzhou and Tan, Mingkui},
  journal = {Neural Networks},
  volume  = {144},
  pages   = {553--564},
  year    = {2021}
}`,
}

/** Orthogonal weight modification: the projector, its recursion and its schedule of α. */
export const owmPaper: Paper = {
  title: 'Continual learning of context-dependent processing in neural networks',
  authors: 'Guanxiong Zeng, Yang Chen, Bo Cui and Shan Yu',
  venue: 'Nature Machine Intelligence 1',
  year: 2019,
  url: 'https://arxiv.org/abs/1810.01256',
  bibtex: `@article{zeng2019continual,
  title   = {Continual learning of context-dependent processing in neural networks},
  author  = {Zeng, Guanxiong and Chen, Yang and Cui, Bo and Yu, Shan},
  journal = {Nature Machine Intelligence},
  volume  = {1},
  pages   = {364--372},
  year    = {2019}
}`,
}
