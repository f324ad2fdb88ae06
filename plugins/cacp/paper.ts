import type { Paper } from '../../core/index.ts'

export const papers: readonly Paper[] = [
  {
    title: 'Conditional Automated Channel Pruning for Deep Neural Networks',
    authors: 'Yixin Liu, Yong Guo, Jiaxin Guo, Luoqian Jiang, Jian Chen',
    venue: 'IEEE Signal Processing Letters',
    year: 2021,
    url: 'https://arxiv.org/abs/2009.09724',
    bibtex: `@article{liu2021conditional,
  title = {Conditional Automated Channel Pruning for Deep Neural Networks},
  author = {Liu, Yixin and Guo, Yong and Guo, Jiaxin and Jiang, Luoqian and Chen, Jian},
  journal = {IEEE Signal Processing Letters},
  year = {2021},
  url = {https://arxiv.org/abs/2009.09724}
}`,
  },
  {
    title: 'AMC: AutoML for Model Compression and Acceleration on Mobile Devices',
    authors: 'Yihui He, Ji Lin, Zhijian Liu, Hanrui Wang, Li-Jia Li, Song Han',
    venue: 'European Conference on Computer Vision',
    year: 2018,
    url: 'https://arxiv.org/abs/1802.03494',
    bibtex: `@inproceedings{he2018amc,
  title = {{AMC}: {AutoML} for Model Compression and Acceleration on Mobile Devices},
  author = {He, Yihui and Lin, Ji and Liu, Zhijian and Wang, Hanrui and Li, Li-Jia and Han, Song},
  booktitle = {European Conference on Computer Vision},
  year = {2018},
  url = {https://arxiv.org/abs/1802.03494}
}`,
  },
]
