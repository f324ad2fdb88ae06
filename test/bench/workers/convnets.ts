/** What the bench `workers --networks convnets` evaluates: plain and residual networks on images of 32×32, seconds each. */
import { generatedImages } from 'archloom/evaluators/data'
import { trainFromScratch } from 'archloom/evaluators/train-from-scratch'
import { convnetSpace } from 'archloom/search-spaces/convnet'

export const space = convnetSpace({ widths: [16], stages: 3, maxDepth: 2, kernels: [3] })
export const evaluator = trainFromScratch({
  data: generatedImages({ train: 960, validation: 192, classes: 4, size: 32 }),
  epochs: 1,
})
