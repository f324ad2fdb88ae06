import { readRecord } from '../../study/record.ts'
import type { Studies } from '../../study/studies.ts'
import type { ResolvedObjective } from '../../trial/objective.ts'
import type { Output } from '../output.ts'
import { printReport, runResult, writePictures } from '../report/report.ts'
import { durationText, numberText } from '../text.ts'
import { statusOf } from './ls.ts'

export interface ShowOptions {
  readonly studies: Studies
  readonly top: number
  readonly pictures: boolean
  readonly output: Output
}

/**
 * `archloom show <study>`: shows what was searched, how it went, and the best trials. It does not need the study's
 * code.
 */
export async function show(name: string, { studies, top, pictures, output }: ShowOptions): Promise<number> {
  const store = await studies.open(name)
  const study = await readRecord(store)
  const { started, state, location } = study
  const status = statusOf(state.status, await studies.isWritten(study.name))
  const reason = state.reason === undefined ? '' : ` (${state.reason})`
  const lines = [
    ['study', location],
    ['space', `${started.space.name}, ${started.space.decisions.length} decisions`],
    ...Object.entries(started.parts),
    ...started.objectives.map((objective) => ['objective', objectiveText(objective)]),
    ['seed', String(started.seed)],
    [
      'status',
      `${status}${reason}, ${state.completed} completed, ${state.pruned} pruned, ${state.failed} failed, ${state.running.length + state.resting.length} open`,
    ],
    ['time', `${durationText(state.elapsedMs)} in ${state.sessions} session${state.sessions === 1 ? '' : 's'}`],
    ...(state.simulatedSeconds > 0
      ? [['simulated', `${durationText(1000 * state.simulatedSeconds)} of training`]]
      : []),
  ]
  output.log(lines.map(([key = '', value]) => `${key.padEnd(10)} ${value}`).join('\n'))
  output.log('')
  printReport(study, output, { top })
  if (pictures) for (const file of await writePictures(study, output)) output.log(`picture    ${file}`)
  output.result({ ...runResult(study, top), status })
  return 0
}

function objectiveText({ metric, direction, atMost, atLeast }: ResolvedObjective): string {
  const bounds = [
    ...(atMost === undefined ? [] : [`at most ${numberText(atMost)}`]),
    ...(atLeast === undefined ? [] : [`at least ${numberText(atLeast)}`]),
  ]
  return [`${direction} ${metric}`, ...bounds].join(', ')
}
