import type { PartName, PartSource } from './plugin.ts'

export const space = ({ dashed, camel }: PartName): PartSource => ({
  module: `import { defineSpace, type Infer, integer, oneOf, product, repeat } from 'archloom'
import { type OptionsOf, options, whole } from 'archloom/options'

export const declared = options('${dashed}', {
  layers: whole({ min: 1, default: 3, doc: 'Number of layers of every architecture.' }),
})
export type Options = OptionsOf<typeof declared>

const layer = product({ operation: oneOf('convolution', 'pooling', 'identity'), width: integer(8, 64, { step: 8 }) })
/** One layer, as evaluators see it. */
export type Layer = Infer<typeof layer>

/** A chain of layers: createSearch({ space: ${camel}(), … }). Error: ARCHLOOM_OPTION. */
export function ${camel}(given: Options = {}) {
  const { layers } = declared.read(given)
  return defineSpace(\`${dashed}-\${layers}\`, product({ layers: repeat(layers, () => layer) }))
}
`,
  test: `import { spaceContract } from 'archloom/testing'
import { expect, it } from 'vitest'
import { ${camel} } from './${dashed}.ts'

spaceContract('${dashed}', ${camel}())

it('has as many architectures as its decisions say', () => {
  expect(${camel}({ layers: 2 }).size).toBe((3n * 8n) ** 2n)
})
`,
})
