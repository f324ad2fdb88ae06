import { declaredPlugins, type PluginDeclaration, papersOf } from '../../composition/plugin.ts'
import { optionTable } from '../../options/index.ts'
import type { EngineDefinition } from '../../tensor/engine.ts'
import { pluginIndexes } from '../names.ts'
import type { Output } from '../output.ts'

/** `archloom plugins [kind]`: lists the plugins of the package with their declarations. */
export async function plugins({ kind, output }: { kind: string | undefined; output: Output }): Promise<number> {
  const engines: PluginDeclaration[] = []
  for (const { href } of pluginIndexes()) {
    const { engine } = (await import(href)) as { readonly engine?: EngineDefinition }
    if (engine) engines.push({ kind: 'engine', name: engine.name, does: `${engine.describe}.`, provides: ['engine'] })
  }
  const found = [...declaredPlugins().values(), ...engines]
    .filter((plugin) => kind === undefined || plugin.kind === kind)
    .sort((a, b) => a.kind.localeCompare(b.kind) || a.name.localeCompare(b.name))
    .map((plugin) => ({
      name: plugin.name,
      kind: plugin.kind,
      does: plugin.does,
      needs: (plugin.needs ?? []).map((need) => (typeof need === 'string' ? need : need.need)),
      provides: plugin.provides ?? [],
      papers: papersOf(plugin).map(({ title, authors, venue, year }) => ({ title, authors, venue, year })),
      options: plugin.options ? optionTable(plugin.options) : [],
    }))
  for (const plugin of found) {
    const facts = [
      plugin.papers.map(({ title, year }) => `${title} (${year})`).join('; '),
      plugin.needs.length > 0 && `needs ${plugin.needs.join(', ')}`,
      plugin.provides.length > 0 && `provides ${plugin.provides.join(', ')}`,
    ]
    output.log(`${plugin.name} (${plugin.kind}): ${plugin.does}`)
    for (const fact of facts) if (fact) output.log(`  ${fact}`)
    for (const { name, type, default: fallback } of plugin.options)
      output.log(`    ${name}: ${type}${fallback === '' ? '' : ` [${fallback}]`}`)
    output.log('')
  }
  output.result({ plugins: found })
  return 0
}
