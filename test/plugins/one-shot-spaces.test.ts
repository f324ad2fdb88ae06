import * as tf from '@tensorflow/tfjs-core'
import { createSearch, memoryStore, type Plugin, type SearchSpace } from 'archloom'
import { generatedImages } from 'archloom/evaluators/data'
import { weightSharing } from 'archloom/evaluators/weight-sharing'
import { darts } from 'archloom/plugins/darts'
import { enas } from 'archloom/plugins/enas'
import { evolution } from 'archloom/plugins/evolution'
import { gdas } from 'archloom/plugins/gdas'
import { spos } from 'archloom/plugins/spos'
import { cellSpace } from 'archloom/search-spaces/cell'
import { chainSpace } from 'archloom/search-spaces/chain'
import { nasBench201Space } from 'archloom/search-spaces/nas-bench-201'
import { useEngine } from 'archloom/tensor'
import { beforeAll, describe, expect, it } from 'vitest'

beforeAll(async () => {
  await useEngine('wasm')
})

const data = generatedImages({ classes: 2, size: 8, train: 32, validation: 16, test: 8 })
const chains = chainSpace({
  expansions: [1, 2],
  stages: [{ widths: [4, 6], depth: { min: 1, max: 2 } }],
  stem: 4,
  head: 8,
})
const spaces = {
  'nas-bench-201': nasBench201Space({ channels: 4, cells: 1 }),
  cell: cellSpace({ nodes: 2, channels: 4, cells: 3, operations: ['none', 'skip_connect', 'sep_conv_3x3'] }),
  chain: chains,
} as unknown as Readonly<Record<string, SearchSpace<unknown>>>
const plugins: Readonly<Record<string, () => readonly Plugin[]>> = {
  spos: () => [spos({ epochs: 1, population: 2, generations: 2, parents: 1 })],
  'spos with another controller': () => [spos({ epochs: 1, evolve: false }), evolution({ population: 2, sample: 2 })],
  enas: () => [enas({ epochs: 1, controller: { hidden: 8 }, policySteps: 2, policyBatch: 2, candidates: 2 })],
  darts: () => [darts({ epochs: 1 })],
  gdas: () => [gdas({ epochs: 1 })],
}
const relaxes = (method: string) => method === 'darts' || method === 'gdas'
const cases = Object.keys(plugins).flatMap((method) =>
  Object.keys(spaces)
    .filter((space) => !(relaxes(method) && space === 'chain'))
    .map((space) => [method, space] as const),
)

describe('one-shot methods on the stock spaces', () => {
  it.each(cases)('%s searches %s, and gives everything back', async (method, name) => {
    const before = tf.memory().numTensors
    {
      const space = spaces[name] as SearchSpace<unknown>
      await using search = createSearch({
        space,
        evaluator: weightSharing({ data, batchSize: 8, statistics: method === 'spos' ? 'recalibrated' : 'batch' }),
        plugins: (plugins[method] as () => readonly Plugin[])(),
        objectives: { accuracy: 'maximise', multiplyAdds: 'minimise' },
        budget: { maxTrials: 3 },
        study: memoryStore(),
      })
      const state = await search.finish()
      expect(state.status).toBe('finished')
      expect(state.completed).toBeGreaterThanOrEqual(1)
      expect(state.completed).toBeLessThanOrEqual(3)
      const [best] = search.best(1)
      expect(best?.metrics.accuracy).toBeGreaterThanOrEqual(0)
      expect(best?.metrics.multiplyAdds).toBeGreaterThan(0)
      expect(space.encode(best?.architecture)).toEqual(best?.genotype)
    }
    expect(tf.memory().numTensors).toBe(before)
  })
})
