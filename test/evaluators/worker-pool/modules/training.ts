import { generatedImages } from 'archloom/evaluators/data'
import { trainFromScratch } from 'archloom/evaluators/train-from-scratch'
import { tinySpace } from '../../train-from-scratch/tiny-space.ts'

export const space = tinySpace()
const data = generatedImages({ classes: 3, size: 8, train: 96, validation: 48, test: 48 })
export const evaluator = trainFromScratch({ data, epochs: 1, batchSize: 16, engine: 'wasm' })
