import type { Paper } from '../../core/paper.ts'

export const nasBench201Paper: Paper = {
  title: 'NAS-Bench-201: Extending the Scope of Reproducible Neural Architecture Search',
  authors: 'Xuanyi Dong, Yi Yang',
  venue: 'International Conference on Learning Representations',
  year: 2020,
  url: 'https://arxiv.org/abs/2001.00326',
  bibtex: `@inproceedings{dong2020nasbench201,
  title = {{NAS-Bench-201}: Extending the Scope of Reproducible Neural Architecture Search},
  author = {Dong, Xuanyi and Yang, Yi},
  booktitle = {International Conference on Learning Representations},
  year = {2020},
  url = {https://arxiv.org/abs/2001.00326}
}`,
}

export const nasBenchMacroPaper: Paper = {
  title: 'Prioritized Architecture Sampling with Monto-Carlo Tree Search',
  authors: 'Xiu Su, Tao Huang, Yanxi Li, Shan You, Fei Wang, Chen Qian, Changshui Zhang, Chang Xu',
  venue: 'IEEE/CVF Conference on Computer Vision and Pattern Recognition',
  year: 2021,
  url: 'https://arxiv.org/abs/2103.11922',
  bibtex: `@inproceedings{su2021prioritized,
  title = {Prioritized Architecture Sampling with {Monto-Carlo} Tree Search},
  author = {Su, Xiu and Huang, Tao and Li, Yanxi and You, Shan and Wang, Fei and Qian, Chen and Zhang, Changshui and Xu, Chang},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  year = {2021},
  url = {https://arxiv.org/abs/2103.11922}
}`,
}
