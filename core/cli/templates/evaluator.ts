import type { PartName, PartSource } from './plugin.ts'

export const evaluator = ({ dashed, camel }: PartName): PartSource => ({
  module: `import { type EvaluatorDefinition, seeded } from 'archloom'
import { number, type OptionsOf, options } from 'archloom/options'

export const declared = options('${dashed}', {
  noise: number({ min: 0, default: 0.01, doc: 'Standard deviation of the measurement.' }),
})
export type Options = OptionsOf<typeof declared>

/** Measures an architecture: createSearch({ evaluator: ${camel}(), … }). Error: ARCHLOOM_OPTION. */
export function ${camel}(given: Options = {}): EvaluatorDefinition {
  const { noise } = declared.read(given)
  return {
    kind: 'zero-cost',
    name: '${dashed}',
    metrics: ['accuracy'],
    create: () => ({
      kind: 'zero-cost',
      name: '${dashed}',
      async evaluate({ genotype, seed }, { signal, report }) {
        // A stand-in for training: the same request must give the same numbers, so all randomness comes from its seed.
        const quality = seeded(JSON.stringify(genotype)).float()
        const rng = seeded(seed)
        for (let step = 1; step <= 3; step++) {
          signal.throwIfAborted()
          if (report(step, { accuracy: (quality * step) / 3 }) === 'stop') break
        }
        return { metrics: { accuracy: quality + noise * rng.normal() } }
      },
    }),
  }
}
`,
  test: `import { seeded, realClock } from 'archloom'
import { evaluatorContract, stockSpaces } from 'archloom/testing'
import { ${camel} } from './${dashed}.ts'

const [space] = stockSpaces()
if (space === undefined) throw new Error('there are no stock spaces')

evaluatorContract('${dashed}', async () => ({
  evaluator: await ${camel}().create({ space, rng: seeded(1), clock: realClock }),
  space,
}))
`,
})
