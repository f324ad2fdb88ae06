import type { PartName, PartSource } from './plugin.ts'

export const observer = ({ dashed, camel }: PartName): PartSource => ({
  module: `import { declarePlugin, definePlugin, observeInBatches, type SearchEvent } from 'archloom'
import { callback, type OptionsOf, options, required } from 'archloom/options'

export const declared = options('${dashed}', {
  write: required(
    callback<(lines: readonly string[]) => void | Promise<void>>({ doc: 'Receives one line for each trial that completed.' }),
  ),
})
export type Options = OptionsOf<typeof declared>

const lineOf = (event: SearchEvent): readonly string[] =>
  event.type === 'trial.completed' ? [\`trial \${event.trial}: \${JSON.stringify(event.metrics)}\`] : []

const about = declarePlugin({
  name: '${dashed}',
  kind: 'observer',
  does: 'Writes a line for each trial that completed.',
  options: declared,
})

/** createSearch({ plugins: [random(), ${camel}({ write: console.log })], … }) */
export function ${camel}(given: Options) {
  const { write } = declared.read(given)
  return definePlugin({
    ...about,
    options: {},
    bind: (binder) =>
      // The search ends only when everything is written; a failure to write becomes a warning in the study.
      binder.observer.to((search) =>
        observeInBatches(search, {
          write: async (events) => {
            const lines = events.flatMap(lineOf)
            if (lines.length > 0) await write(lines)
          },
        }),
      ),
  })
}
`,
  test: `import { createSearch, memoryStore } from 'archloom'
import { random } from 'archloom/plugins/random'
import { banditSpace } from 'archloom/testing'
import { expect, it } from 'vitest'
import { ${camel} } from './${dashed}.ts'

it('writes every trial once, in order, before the search is closed', async () => {
  const lines: string[] = []
  {
    await using search = createSearch({
      space: banditSpace(2, 3),
      evaluator: ({ arm }) => ({ value: arm[0] ?? 0 }),
      plugins: [random(), ${camel}({ write: (more) => void lines.push(...more) })],
      objectives: { value: 'maximise' },
      budget: { maxTrials: 5 },
      study: memoryStore(),
    })
    await search.finish()
  }
  expect(lines.map((line) => line.split(':')[0])).toEqual(['trial 0', 'trial 1', 'trial 2', 'trial 3', 'trial 4'])
})
`,
})
