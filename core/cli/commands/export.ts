import { dirname, join, relative, resolve } from 'node:path'
import { messageOf } from '../../errors.ts'
import { replaceFileSync } from '../../node/files.ts'
import type { Json } from '../../space/decision.ts'
import { findSearchSpace } from '../../space/registry.ts'
import type { SearchSpace } from '../../space/space.ts'
import type { ExportForm } from '../../study/export-form.ts'
import { checkSpace } from '../../study/export-top.ts'
import { readRecord, type StudyRecord } from '../../study/record.ts'
import type { Store } from '../../study/store.ts'
import type { Studies } from '../../study/studies.ts'
import type { Trial } from '../../trial/trial.ts'
import { VERSION } from '../../version.ts'
import { error } from '../errors.ts'
import { importModule } from '../load-module.ts'
import { formOf } from '../names.ts'
import type { Output } from '../output.ts'
import { metricsText } from '../text.ts'

export interface ExportOptions {
  readonly studies: Studies
  readonly top: number
  /** A built-in form, or the name of a plugin that exports studies. */
  readonly as: 'data' | 'code' | 'instance' | (string & {})
  readonly out?: string | undefined
  /** The module that exports or registers the space. The exported code imports it. */
  readonly module?: string | undefined
  readonly output: Output
}

/** `archloom export <study>` */
export async function exportStudy(name: string, given: ExportOptions): Promise<number> {
  const { studies, top, as, out, output } = given
  const store = await studies.open(name)
  const study = await readRecord(store)
  study.started
  if (as !== 'data' && as !== 'code' && as !== 'instance') return exportAs(as, store, study, given)
  const best = study.best(top)
  const { completed, failed } = study.state
  if (best.length === 0) throw error('ARCHLOOM_EXPORT_NOTHING', { study: study.name, completed, failed })
  if (as === 'instance') throw error('ARCHLOOM_EXPORT_INSTANCE', { study: study.location, top })
  const text = as === 'data' ? asData(study, best) : asCode(study, best, await importOf(study, given))
  if (out !== undefined) {
    write(out, text)
    output.log(`wrote the ${best.length} best architectures of ${study.name} to ${out}`)
  } else if (!output.json) output.log(text.trimEnd())
  output.result({
    study: study.location,
    as,
    ...(out === undefined ? {} : { out }),
    ...(as === 'code' && out === undefined ? { code: text } : {}),
    best: best.map(asPlain),
  })
  return 0
}

function write(file: string, data: string | Uint8Array) {
  try {
    replaceFileSync(file, data)
  } catch (cause) {
    throw error('ARCHLOOM_EXPORT_NOT_WRITABLE', { file, message: messageOf(cause) }, { cause })
  }
}

/** Exports the whole study in the format of a plugin. */
async function exportAs(as: string, store: Store, study: StudyRecord, { out, output }: ExportOptions): Promise<number> {
  const { form } = (await import(formOf(as).href)) as { readonly form: ExportForm }
  if (out === undefined && (form.files === 'many' || form.binary || output.json))
    throw error('ARCHLOOM_EXPORT_OUT', { as })
  const files = new Map<string, Buffer[]>()
  for await (const { path, data } of form.exportStudy(store, study)) {
    const pieces = files.get(path) ?? []
    files.set(path, pieces)
    pieces.push(Buffer.from(data as Uint8Array))
  }
  for (const [path, pieces] of files)
    if (out === undefined) output.reader.write(Buffer.concat(pieces).toString())
    else write(join(out, path), Buffer.concat(pieces))
  if (out !== undefined) output.log(`wrote ${study.trials.length} trials of ${study.name} to ${out}`)
  output.result({ study: study.location, as, out, trials: study.trials.length, files: files.size })
  return 0
}

const asPlain = ({ trial, text, architecture, metrics, reward, seed }: Trial) => ({
  trial,
  genotype: text,
  architecture,
  metrics,
  reward,
  seed,
})

function asData(study: StudyRecord, best: readonly Trial[]): string {
  const { space, objectives, seed } = study.started
  const facts = {
    archloom: VERSION,
    study: study.name,
    space: { name: space.name, fingerprint: space.fingerprint },
    objectives,
    seed,
    best: best.map(asPlain),
  }
  return `${JSON.stringify(facts as unknown as Json, null, 2)}\n`
}

/** The lines of the exported module that import or find `space`. */
async function importOf(study: StudyRecord, { module, out }: ExportOptions): Promise<string> {
  const { name, fingerprint } = study.started.space
  const registered = `const space = findSearchSpace(${JSON.stringify(name)})`
  const builtIn = module === undefined ? await builtInImport(study) : undefined
  if (builtIn !== undefined) return builtIn
  if (module === undefined)
    return `import { findSearchSpace, seeded } from 'archloom'\n\n// Import the module that registers this space first.\n${registered}`
  const exported = (await importModule(module)).space as SearchSpace | undefined
  checkSpace(study.name, exported ?? findSearchSpace(name), fingerprint)
  const from = relative(dirname(resolve(out ?? 'exported.ts')), resolve(module)).replaceAll('\\', '/')
  const path = JSON.stringify(from.startsWith('.') ? from : `./${from}`).replaceAll('"', "'")
  return exported
    ? `import { seeded } from 'archloom'\nimport { space } from ${path}`
    : `import { findSearchSpace, seeded } from 'archloom'\nimport ${path}\n\n${registered}`
}

/** The lines that make a space which archloom brings; undefined unless they make the same space. */
async function builtInImport(study: StudyRecord): Promise<string | undefined> {
  const { origin, fingerprint } = study.started.space
  if (!origin?.module.startsWith('archloom/search-spaces/')) return undefined
  const { module, factory, options } = origin
  try {
    const { [factory]: make } = (await import(module)) as Record<string, (options: Json) => SearchSpace>
    if (make?.(options).fingerprint !== fingerprint) return undefined
  } catch {
    // A journal of another version may hold options that this one does not know.
    return undefined
  }
  const given = JSON.stringify(options)
  return `import { seeded } from 'archloom'\nimport { ${factory} } from '${module}'\n\nconst space = ${factory}(${given === '{}' ? '' : given})`
}

function asCode(study: StudyRecord, best: readonly Trial[], imports: string): string {
  const entries = best.map(
    ({ trial, architecture, metrics }) =>
      `  // trial ${trial}: ${metricsText(metrics)}\n  ${JSON.stringify(architecture, null, 2).replaceAll('\n', '\n  ')},`,
  )
  return `// The ${best.length} best architectures of study ${study.name}, best first. Written by archloom ${VERSION}.
${imports}

export const architectures = [
${entries.join('\n')}
]

export interface Options {
  /** [height, width, channels] of one image. */
  readonly input: readonly number[]
  readonly classes: number
  readonly seed?: number
}

/** Builds the network of an architecture with newly initialised weights. The caller disposes it. */
export function build(architecture: (typeof architectures)[number], { input, classes, seed = 1 }: Options) {
  // Encoding and decoding checks that the architecture belongs to the space.
  const checked = space.decode(space.encode(architecture as never)) as never
  const network = space.build?.(checked, { input, classes, rng: seeded(seed) })
  if (!network) throw new Error(\`space \${space.name} does not build networks\`)
  return network
}
`
}
