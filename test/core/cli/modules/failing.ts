import { createSearch, type StudyOptions } from 'archloom'
import { random } from 'archloom/plugins/random'
import { space } from './digits.ts'

export const search = ({ study = {} }: { study?: StudyOptions }) =>
  createSearch({
    space,
    evaluator: () => ({ value: Number.NaN }),
    plugins: [random()],
    objectives: { value: 'maximise' },
    budget: { maxTrials: 2 },
    study,
  })
