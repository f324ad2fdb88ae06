import type { PartName, PartSource } from './plugin.ts'

export const oneShotMethod = ({ dashed, camel }: PartName): PartSource => ({
  module: `import { declarePlugin, definePlugin, tokens } from 'archloom'
import { decidingOf, oneShot, oneShotDeciding, oneShotFields, oneShotNeeds, oneShotRenamed } from 'archloom/evaluators/weight-sharing'
import { type OptionsOf, options, whole } from 'archloom/options'

const defaults = { epochs: 50, learningRate: 0.05, minLearningRate: 0.0005, nesterov: true, weightDecay: 3e-4 }
export const declared = options(
  '${dashed}',
  {
    ...oneShotFields(defaults),
    candidates: whole({ min: 1, default: 10, doc: 'Number of architectures that are evaluated with the trained weights.' }),
  },
  { renamed: oneShotRenamed },
)
export type Options = OptionsOf<typeof declared>

const about = declarePlugin({
  name: '${dashed}',
  kind: 'one-shot method',
  does: 'Trains shared weights on randomly drawn paths, then evaluates some architectures with them.',
  provides: ['algorithm'],
  needs: oneShotNeeds,
  options: declared,
})

/** createSearch({ evaluator: weightSharing({ data }), plugins: [${camel}()], … }). Error: ARCHLOOM_OPTION. */
export function ${camel}(given: Options = {}) {
  const options = declared.read(given)
  const algorithm = oneShot({
    name: '${dashed}',
    options,
    deciding: decidingOf(options, { ...oneShotDeciding, candidates: true }),
    defaults,
    strategy: ({ space, trainer, train, rng }) => ({
      // A weight step trains one path. A method with a policy draws the path from it, and adds \`policy(epoch)\`.
      weights: (epoch) =>
        train(epoch, async (batch, noise) => ({ ...(await trainer.step(space.decode(space.random(noise)), batch, noise)) })),
      derive: () => Array.from({ length: options.candidates }, () => space.random(rng)),
      // State other than the weights, as plain JSON, for checkpoints.
      save: () => null,
      restore: () => {},
    }),
  })
  return definePlugin({ ...about, options, bind: ({ bind }) => bind(tokens.ALGORITHM).toFactory(algorithm) })
}
`,
  test: `import { createSearch, memoryStore } from 'archloom'
import { generatedImages } from 'archloom/evaluators/data'
import { weightSharing } from 'archloom/evaluators/weight-sharing'
import { nasBench201Space } from 'archloom/search-spaces/nas-bench-201'
import { expectNoLeak } from 'archloom/testing'
import { expect, it } from 'vitest'
import { ${camel} } from './${dashed}.ts'

const data = generatedImages({ train: 32, validation: 16, classes: 2 })

async function trials(seed: number) {
  await using search = createSearch({
    space: nasBench201Space({ channels: 2, cells: 1 }),
    evaluator: weightSharing({ data, batchSize: 16 }),
    plugins: [${camel}({ epochs: 1, candidates: 2 })],
    objectives: { accuracy: 'maximise' },
    budget: {},
    seed,
    study: memoryStore(),
  })
  await search.finish()
  return search.best(2).map(({ genotype, metrics }) => ({ genotype, accuracy: metrics.accuracy }))
}

it('trains the supernet, tries its candidates, repeats and leaks nothing', async () => {
  const first = await trials(1)
  expect(first).toHaveLength(2)
  expect(await expectNoLeak(() => trials(1))).toEqual(first)
}, 120_000)

it('refuses a misspelt option', () => {
  expect(() => ${camel}({ candidate: 3 } as never)).toThrow('did you mean "candidates"')
})
`,
})
