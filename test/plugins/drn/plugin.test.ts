import { createSearch, memoryStore } from 'archloom'
import { expect, it } from 'vitest'
import { drn } from '../../../plugins/drn/index.ts'
import { random } from '../../../plugins/random/index.ts'
import { superResolutionSpace } from '../../../search-spaces/super-resolution/index.ts'

it('composes into a search over enlarging networks, which describes and cites it', async () => {
  await using search = createSearch({
    space: superResolutionSpace({ channels: 3, nodes: 1, cells: 2 }),
    evaluator: () => ({ value: 1 }),
    plugins: [random(), drn({ dualWeight: 0.5 })],
    objectives: { value: 'maximise' },
    budget: { maxTrials: 2 },
    study: memoryStore(),
    seed: 1,
  })
  expect(search.describe()).toContain('drn')
  expect(search.describe()).toContain('dualWeight')
  expect(search.cite()).toContain('guo2020closed')
  expect(search.cite()).toContain('guo2020hierarchical')
})
