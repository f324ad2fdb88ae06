import { existsSync, statSync } from 'node:fs'
import { messageOf } from '../../errors.ts'
import type { Json } from '../../space/decision.ts'
import type { StudyRecord } from '../../study/record.ts'
import { type Output, widthOf } from '../output.ts'
import { bestTable, type Label } from './best-table.ts'
import { svgOfDot, writePicture } from './pictures.ts'
import { progressChart } from './progress-chart.ts'
import { seriesOf } from './series.ts'
import { terminalPlot } from './terminal-plot.ts'

/** A run as JSON: `{ study, trials, failed, best: [{ genotype, architecture, metrics }] }`. */
export interface RunResult {
  readonly study: string
  readonly status: string
  readonly trials: number
  readonly failed: number
  readonly seconds: number
  readonly best: readonly {
    readonly trial: number
    readonly genotype: string
    readonly architecture: Json
    readonly metrics: Readonly<Record<string, number>>
  }[]
}

export function runResult(study: StudyRecord, top: number): RunResult {
  const { status, completed, failed, elapsedMs } = study.state
  return {
    study: study.location,
    status,
    trials: completed + failed,
    failed,
    seconds: Math.round(elapsedMs) / 1000,
    best: study
      .best(top)
      .map(({ trial, text, architecture, metrics }) => ({ trial, genotype: text, architecture, metrics })),
  }
}

/** How many of the images that plugins reported are listed. */
const PICTURES = 6

/** Prints the best architectures, the course of the search, and the last images that plugins reported. */
export function printReport(
  study: StudyRecord,
  output: Output,
  { top, label }: { top: number; label?: Label | undefined },
) {
  const { state, started, trials } = study
  const width = widthOf(output.reader, 160)
  const best = study.best(top)
  const [objective] = started.objectives
  if (best.length === 0) output.log('no feasible trial so far')
  else output.log(bestTable(best, started.objectives, { label, width }))
  const failures = trials.filter(({ status }) => status === 'failed')
  if (failures.length > 0) {
    const last = failures.at(-1)
    output.log(
      `\n${state.failed} of ${trials.length} trials failed; the last one (trial ${last?.trial}): ${last?.failure?.message}`,
    )
  }
  const plot = objective && terminalPlot(seriesOf(trials, objective), Math.min(72, width - 16))
  if (plot) output.log(`\n${plot}`)
  const shown = study.images.slice(-PICTURES)
  if (shown.length > 0) output.log(`\n${shown.map((path) => `picture  ${path}`).join('\n')}`)
  if (shown.length < study.images.length) output.log(`  and ${study.images.length - shown.length} earlier images`)
}

/**
 * Writes progress.svg/png, and cell.svg/png where the module draws architectures. An image that cannot be drawn gives
 * a note, not an error.
 */
export async function writePictures(
  study: StudyRecord,
  output: Output,
  picture?: (architecture: never) => string,
): Promise<readonly string[]> {
  if (!existsSync(study.location) || !statSync(study.location).isDirectory()) return []
  const { trials, started } = study
  const [objective] = started.objectives
  const written: string[] = []
  const attempt = async (name: string, svg: () => string | Promise<string>) => {
    try {
      const files = await writePicture(study.location, name, await svg())
      written.push(files.svg, files.png)
    } catch (thrown) {
      output.note(`could not draw ${name}: ${messageOf(thrown)}`)
    }
  }
  if (objective && trials.length > 0)
    await attempt('progress', () => progressChart(seriesOf(trials, objective), `${started.space.name}: ${study.name}`))
  const [best] = study.best(1)
  if (best && picture) await attempt('cell', () => svgOfDot((picture as (a: Json) => string)(best.architecture)))
  return written
}
