import { type EvaluatorParts, realClock, seeded, virtualClock } from 'archloom'
import { generatedImages } from 'archloom/evaluators/data'
import { type TrainFromScratchOptions, trainFromScratch, trainSeconds } from 'archloom/evaluators/train-from-scratch'
import { evaluatorContract } from 'archloom/testing'
import { tinySpace } from './tiny-space.ts'

const data = generatedImages({ classes: 3, size: 8, train: 96, validation: 48, test: 48 })
const trainer = { reportEvery: 2 }
const create = (options: Partial<TrainFromScratchOptions>, parts: Partial<EvaluatorParts> = {}) => {
  const space = tinySpace()
  return async () => {
    const definition = trainFromScratch({ data, epochs: 2, batchSize: 16, engine: 'wasm', trainer, ...options })
    return { space, evaluator: await definition.create({ space, rng: seeded(1), clock: virtualClock(), ...parts }) }
  }
}

evaluatorContract('trainFromScratch', create({}))
evaluatorContract(
  'trainFromScratch, repeated, augmented, timed, at half fidelity',
  create(
    {
      repeats: 2,
      augment: { crop: { padding: 1 }, flip: true },
      metrics: { trainSeconds },
      trainer: { ...trainer, patience: 2 },
    },
    { clock: realClock },
  ),
  { fidelity: 0.5, volatile: ['trainSeconds'] },
)
