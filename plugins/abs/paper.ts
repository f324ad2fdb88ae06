import type { Paper } from '../../core/index.ts'

export const papers: readonly Paper[] = [
  {
    title: 'ABS: Automatic Bit Sharing for Model Compression',
    authors: 'Jing Liu, Bohan Zhuang, Peng Chen, Yong Guo, Chunhua Shen, Jianfei Cai, Mingkui Tan',
    venue: 'arXiv preprint',
    year: 2021,
    url: 'https://arxiv.org/abs/2101.04935',
    bibtex: `@article{liu2021abs,
  title = {ABS: Automatic Bit Sharing for Model Compression},
  author = {Liu, Jing and Zhuang, Bohan and Chen, Peng and Guo, Yong and Shen, Chunhua and Cai, Jianfei and Tan, Mingkui},
  journal = {arXiv preprint arXiv:2101.04935},
  year = {2021},
  url = {https://arxiv.org/abs/2101.04935}
}`,
  },
]
