import { dirname, relative, resolve } from 'node:path'
import { messageOf } from '../../errors.ts'
import { replaceFileSync } from '../../node/files.ts'
import type { Json } from '../../space/decision.ts'
import { findSearchSpace } from '../../space/registry.ts'
import type { SearchSpace } from '../../space/space.ts'
import { checkSpace } from '../../study/export-top.ts'
import { readRecord, type StudyRecord } from '../../study/record.ts'
import type { Studies } from '../../study/studies.ts'
import type { Trial } from '../../trial/trial.ts'
import { VERSION } from '../../version.ts'
import { error } from '../errors.ts'
import { importModule } from '../load-module.ts'
import type { Output } from '../output.ts'
import { metricsText } from '../text.ts'

export interface ExportOptions {
  readonly studies: Studies
  readonly top: number
  readonly as: 'data' | 'code' | 'instance'
  readonly out?: string | undefined
  /** The module that exports or registers the space: it makes the exported code complete. */
  readonly module?: string | undefined
  readonly output: Output
}

/** `archloom export <study>` */
export async function exportStudy(name: string, given: ExportOptions): Promise<number> {
  const { studies, top, as, out, output } = given
  const study = await readRecord(await studies.open(name))
  study.started
  const best = study.best(top)
  const { completed, failed } = study.state
  if (best.length === 0) throw error('ARCHLOOM_EXPORT_NOTHING', { study: study.name, completed, failed })
  if (as === 'instance') throw error('ARCHLOOM_EXPORT_INSTANCE', { study: study.location, top })
  const text = as === 'data' ? asData(study, best) : asCode(study, best, await importOf(study, given))
  if (out !== undefined) {
    write(out, text)
    output.log(`wrote the ${best.length} best of ${study.name} to ${out}`)
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

function write(file: string, text: string) {
  try {
    replaceFileSync(file, text)
  } catch (cause) {
    throw error('ARCHLOOM_EXPORT_NOT_WRITABLE', { file, message: messageOf(cause) }, { cause })
  }
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

/** The lines of the exported module that make `space` known. */
async function importOf(study: StudyRecord, { module, out }: ExportOptions): Promise<string> {
  const { name, fingerprint } = study.started.space
  const registered = `const space = findSearchSpace(${JSON.stringify(name)})`
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

function asCode(study: StudyRecord, best: readonly Trial[], imports: string): string {
  const entries = best.map(
    ({ trial, architecture, metrics }) =>
      `  // trial ${trial}: ${metricsText(metrics)}\n  ${JSON.stringify(architecture, null, 2).replaceAll('\n', '\n  ')},`,
  )
  return `// The ${best.length} best of study ${study.name}, best first. Written by archloom ${VERSION}.
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

/** The network of an architecture, with fresh weights; dispose it. */
export function build(architecture: (typeof architectures)[number], { input, classes, seed = 1 }: Options) {
  // Through the genotype: the space checks what it is given.
  const checked = space.decode(space.encode(architecture as never)) as never
  const network = space.build?.(checked, { input, classes, rng: seeded(seed) })
  if (!network) throw new Error(\`space \${space.name} builds no networks\`)
  return network
}
`
}
