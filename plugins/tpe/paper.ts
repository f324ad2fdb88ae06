import type { Paper } from '../../core/index.ts'

export const papers: readonly Paper[] = [
  {
    title: 'Algorithms for Hyper-Parameter Optimization',
    authors: 'James Bergstra, Rémi Bardenet, Yoshua Bengio and Balázs Kégl',
    venue: 'Advances in Neural Information Processing Systems 24',
    year: 2011,
    url: 'https://papers.nips.cc/paper/4443-algorithms-for-hyper-parameter-optimization',
    bibtex: `@inproceedings{bergstra2011algorithms,
  title     = {Algorithms for Hyper-Parameter Optimization},
  author    = {Bergstra, James and Bardenet, R{\\'e}mi and Bengio, Yoshua and K{\\'e}gl, Bal{\\'a}zs},
  booktitle = {Advances in Neural Information Processing Systems},
  volume    = {24},
  year      = {2011}
}`,
  },
  {
    title:
      'Tree-Structured Parzen Estimator: Understanding Its Algorithm Components and Their Roles for Better Empirical Performance',
    authors: 'Shuhei Watanabe',
    venue: 'arXiv preprint arXiv:2304.11127',
    year: 2023,
    url: 'https://arxiv.org/abs/2304.11127',
    bibtex: `@article{watanabe2023tree,
  title   = {Tree-Structured {P}arzen Estimator: Understanding Its Algorithm Components and Their Roles for Better Empirical Performance},
  author  = {Watanabe, Shuhei},
  journal = {arXiv preprint arXiv:2304.11127},
  year    = {2023}
}`,
  },
  {
    title: 'Multiobjective Tree-Structured Parzen Estimator',
    authors: 'Yoshihiko Ozaki, Yuki Tanigaki, Shuhei Watanabe, Masahiro Nomura and Masaki Onishi',
    venue: 'Journal of Artificial Intelligence Research 73',
    year: 2022,
    url: 'https://doi.org/10.1613/jair.1.13188',
    bibtex: `@article{ozaki2022multiobjective,
  title   = {Multiobjective Tree-Structured {Parzen} Estimator},
  author  = {Ozaki, Yoshihiko and Tanigaki, Yuki and Watanabe, Shuhei and Nomura, Masahiro and Onishi, Masaki},
  journal = {Journal of Artificial Intelligence Research},
  volume  = {73},
  pages   = {1209--1250},
  year    = {2022}
}`,
  },
]
