import { createSearch, type StudyOptions } from 'archloom'
import { generatedImages } from 'archloom/evaluators/data'
import { trainFromScratch } from 'archloom/evaluators/train-from-scratch'
import { random } from 'archloom/plugins/random'
import { toySpace } from 'archloom/search-spaces/toy'

export const flags = { trials: { type: 'number', describe: 'how many' } } as const

export const data = generatedImages({ size: 8, classes: 2, train: 64, validation: 32, test: 8 })

export const search = ({ trials = 2, study = {} }: { readonly trials?: number; readonly study?: StudyOptions }) =>
  createSearch({
    space: toySpace(),
    evaluator: trainFromScratch({ data, epochs: 2, engine: 'wasm' }),
    plugins: [random()],
    objectives: { accuracy: 'maximise' },
    budget: { maxTrials: trials },
    study,
  })
