import { createSearch } from 'archloom'
import type { TrainFromScratchOptions } from 'archloom/evaluators/train-from-scratch'
import { trainFromScratch } from 'archloom/evaluators/train-from-scratch'
import { expectTypeOf, test } from 'vitest'
import { tinySpace } from './tiny-space.ts'

const rest = { plugins: [], objectives: {}, budget: {} }

test('an evaluator of any architecture leaves the type of the best one to the space', () => {
  const evaluator = trainFromScratch({ data: {} as TrainFromScratchOptions['data'], epochs: 1 })
  const search = createSearch({ space: tinySpace(), evaluator, ...rest })
  expectTypeOf(search.best()[0]?.architecture.width).toEqualTypeOf<number | undefined>()
})

test('an evaluator written in place sees the architecture of the space', () => {
  createSearch({ space: tinySpace(), evaluator: ({ width }) => ({ width }), ...rest })
  // @ts-expect-error the space has no such choice
  createSearch({ space: tinySpace(), evaluator: ({ heads }) => ({ heads }), ...rest })
})
