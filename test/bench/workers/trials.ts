/** What the bench `workers` evaluates: small convolutional networks trained from scratch, a second or two each. */
import { generatedImages } from 'archloom/evaluators/data'
import { trainFromScratch } from 'archloom/evaluators/train-from-scratch'
import { toySpace } from 'archloom/search-spaces/toy'

export const space = toySpace()
export const evaluator = trainFromScratch({
  data: generatedImages({ train: 6000, validation: 500, classes: 4 }),
  epochs: 3,
})
