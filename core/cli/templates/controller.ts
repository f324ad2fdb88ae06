import type { PartName, PartSource } from './plugin.ts'

export const controller = ({ dashed, camel }: PartName): PartSource => ({
  module: `import { type ControllerFactory, declarePlugin, definePlugin, type Genotype } from 'archloom'
import { number, type OptionsOf, options } from 'archloom/options'

export const declared = options('${dashed}', {
  exploration: number({ min: 0, max: 1, default: 0.2, doc: 'Probability that a proposal is drawn at random.' }),
})
export type Options = OptionsOf<typeof declared>

/** Proposes mutants of the best architecture so far. Error: ARCHLOOM_OPTION. */
export function ${camel}Controller(given: Options = {}): ControllerFactory {
  const { exploration } = declared.read(given)
  return (space) => {
    let best: { readonly genotype: Genotype; readonly reward: number } | undefined
    return {
      // Take all randomness from \`rng\`: a study is resumed by repeating the calls of propose and observe.
      propose: (rng) => ({
        genotype: best === undefined || rng.float() < exploration ? space.random(rng) : space.mutate(best.genotype, rng),
      }),
      observe(observations) {
        // The reward of a failed trial is absent; larger is better.
        for (const { proposal, reward } of observations)
          if (reward !== undefined && reward > (best?.reward ?? Number.NEGATIVE_INFINITY))
            best = { genotype: proposal.genotype, reward }
        return {}
      },
      [Symbol.dispose]() {},
    }
  }
}

const about = declarePlugin({
  name: '${dashed}',
  kind: 'controller',
  does: 'Proposes mutants of the best architecture so far.',
  provides: ['controller'],
  needs: ['space'],
  options: declared,
})

/** createSearch({ plugins: [${camel}()], … }) */
export function ${camel}(options: Options = {}) {
  const factory = ${camel}Controller(options)
  return definePlugin({ ...about, options, bind: (binder) => binder.controller.to(factory) })
}
`,
  test: `import { controllerContract } from 'archloom/testing'
import { expect, it } from 'vitest'
import { ${camel}, ${camel}Controller } from './${dashed}.ts'

// \`learns: false\` states that the method does not learn the bandit of the contract suite; delete it once your method learns.
controllerContract('${dashed}', ${camel}Controller(), { learns: false })

it('refuses a misspelt option', () => {
  expect(() => ${camel}({ explorations: 0.5 } as never)).toThrow('did you mean "exploration"')
})
`,
})
