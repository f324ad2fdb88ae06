import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { realClock } from '../../clock.ts'
import { replaceFileSync } from '../../node/files.ts'
import { STUDIES } from '../../node/studies.ts'
import type { Experiment } from '../../reproduction.ts'
import { error } from '../errors.ts'
import { onInterrupt } from '../interrupt.ts'
import { plotOf } from '../medium/plot.ts'
import { runUnits } from '../medium/runner.ts'
import { claimsOf, type PartSummary, summaryOf } from '../medium/summary.ts'
import { sectionText, withSection } from '../medium/tables.ts'
import { readResults } from '../medium/units.ts'
import { mediumNames, mediumOf } from '../names.ts'
import { type Output, widthOf } from '../output.ts'
import { durationText, tableText } from '../text.ts'

async function mediumNamed(paper: string): Promise<{ readonly experiment: Experiment; readonly module: URL }> {
  const known = mediumNames()
  if (!known.includes(paper)) throw error('ARCHLOOM_EXPERIMENT_UNKNOWN', { paper, known })
  const module = mediumOf(paper)
  const { medium } = (await import(module.href)) as { readonly medium?: Experiment }
  if (!medium) throw error('ARCHLOOM_MODULE_EXPORTS', { file: fileURLToPath(module), received: [], expected: 'medium' })
  return { experiment: medium, module }
}

/** In a checkout, results are kept in the plugin's folder. Nothing is written into an installed package. */
const resultsFolder = (paper: string, module: URL): string =>
  module.pathname.endsWith('.ts') ? fileURLToPath(new URL('results/', module)) : join(STUDIES, 'reproduce', paper)

const FILE = 'medium.jsonl'

export interface MediumCommand {
  readonly jobs: number
  readonly resume: boolean
  readonly only?: readonly string[] | undefined
  readonly data?: string | undefined
  readonly output: Output
}

/** `archloom reproduce <paper> --scale medium`: runs every arm with every seed, and can be resumed. */
export async function reproduceMedium(paper: string, options: MediumCommand): Promise<number> {
  const { jobs, resume, only, data, output } = options
  const { experiment, module } = await mediumNamed(paper)
  const stop = new AbortController()
  using _signals = onInterrupt({ stop: () => stop.abort('interrupted'), say: output.note })
  const began = realClock.now()
  const results = join(resultsFolder(paper, module), FILE)
  const { lines, failed } = await runUnits({
    experiment,
    module,
    results,
    work: resolve(STUDIES, 'reproduce', paper),
    jobs,
    resume,
    ...(only !== undefined && { only }),
    ...(data !== undefined && { data: resolve(data) }),
    log: output.note,
    signal: stop.signal,
  })
  const summary = summaryOf(experiment, lines)
  const claims = claimsOf(summary)
  output.log(verdictTable(summary, widthOf(output.reader, 160)))
  const seconds = (realClock.now() - began) / 1000
  output.log(
    `\n${results}: ${durationText(1000 * summary.reduce((sum, part) => sum + part.seconds, 0))} of processor time`,
  )
  output.result({ paper, scale: 'medium', seed: 1, seconds, claims, failed: failed.length })
  return failed.length === 0 && claims.length > 0 && claims.every(({ holds }) => holds) ? 0 : 1
}

const verdictTable = (summary: readonly PartSummary[], width: number) =>
  tableText(
    ['claim', 'control', 'ours', 'difference', 'seeds', 'verdict'],
    summary.flatMap(({ part, comparisons }) =>
      comparisons.map(({ comparison, ours, control, difference, verdict }) => [
        `${part.name}: ${comparison.claim}`,
        `${comparison.control} ${control.mean.toPrecision(4)}`,
        `${comparison.arm} ${ours.mean.toPrecision(4)}`,
        `${difference.mean.toPrecision(3)}${difference.error === undefined ? '' : ` ± ${difference.error.toPrecision(2)}`}`,
        String(difference.seeds),
        verdict,
      ]),
    ),
    width,
  )

/** The documents that `results` writes for one paper: file name in the plugin's folder → text. */
export function documentsOf(experiment: Experiment, folder: string): ReadonlyMap<string, string> {
  const { paper } = experiment
  const summary = summaryOf(experiment, readResults(join(folder, 'results', FILE)))
  const place = join(folder, 'RESULTS.md')
  const document = existsSync(place) ? readFileSync(place, 'utf8') : undefined
  return new Map([
    ['RESULTS.md', withSection(paper, document, sectionText(paper, summary))],
    ...summary
      .filter(({ finished }) => finished > 0)
      .map((part) => [`results/medium-${part.part.name}.svg`, plotOf(part)] as const),
  ])
}

/** `archloom results <paper>`: writes the tables and plots of a plugin from its results file. */
export async function results(paper: string, { output }: { readonly output: Output }): Promise<number> {
  const { experiment, module } = await mediumNamed(paper)
  const folder = fileURLToPath(new URL('.', module))
  mkdirSync(join(folder, 'results'), { recursive: true })
  const documents = documentsOf(experiment, folder)
  for (const [name, text] of documents) {
    replaceFileSync(join(folder, name), text)
    output.log(join(folder, name))
  }
  output.result({ paper, files: [...documents.keys()] })
  return 0
}
