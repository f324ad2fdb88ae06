import { error } from '../errors.ts'
import type { Output } from '../output.ts'
import type { PartKind } from '../templates/kinds.ts'
import { partSources } from '../templates/plugin.ts'
import { writeNew } from './init.ts'

/** `archloom new-plugin <kind> <name>`: writes the module and the test of a new part, which passes its contract suite. */
export function newPlugin(kind: PartKind, name: string, folder: string, output: Output): number {
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name)) throw error('ARCHLOOM_PLUGIN_NAME', { name })
  const camel = name.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase())
  if (reserved.has(camel) || identifiersOf(kind).has(camel)) throw error('ARCHLOOM_PLUGIN_NAME', { name })
  const { module, test } = partSources[kind]({ dashed: name, camel })
  const written = writeNew(folder, { [`${name}.ts`]: module, [`${name}.test.ts`]: test })
  for (const path of written) output.log(`wrote ${path}`)
  output.log(`next: npm install --save-dev vitest && npx vitest run ${written[1]}`)
  output.result({ files: written })
  return 0
}

/** Words that name nothing in a module of TypeScript. */
const reserved = new Set(
  'arguments await break case catch class const continue debugger default delete do else enum eval export extends false finally for function if implements import in instanceof interface let new null package private protected public return static super switch this throw true try typeof undefined using var void while with yield'.split(
    ' ',
  ),
)

/** What the module and the test of a kind import and declare themselves. */
function identifiersOf(kind: PartKind): ReadonlySet<string> {
  const { module, test } = partSources[kind]({ dashed: 'neutral-name', camel: 'neutralName' })
  const imported = [...`${module}\n${test}`.matchAll(/^import \{([^}]+)\}/gm)].flatMap(
    ([, names]) => names!.match(/\w+/g) ?? [],
  )
  const declared = [...`${module}\n${test}`.matchAll(/\b(?:const|let|function|class|type|interface) (\w+)/g)]
  return new Set([...imported, ...declared.map(([, name]) => name!)])
}
