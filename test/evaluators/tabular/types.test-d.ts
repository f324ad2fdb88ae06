import { createSearch, defineSpace, oneOf, product } from 'archloom'
import { nasBench201Table, tabular } from 'archloom/evaluators/tabular'
import { test } from 'vitest'

test('a table does not fit a space of other architectures', () => {
  const space = defineSpace('widths', product({ width: oneOf(4, 8) }))
  const rest = { plugins: [], objectives: {}, budget: {} }
  // @ts-expect-error numbers are no operations
  createSearch({ space, evaluator: tabular(nasBench201Table()), ...rest })
})
