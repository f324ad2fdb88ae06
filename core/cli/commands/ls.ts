import { join } from 'node:path'
import { ArchloomError } from '../../errors.ts'
import { studyWriter } from '../../study/journal.ts'
import { readStudy, studiesIn } from '../../study/read.ts'
import type { Output } from '../output.ts'
import { durationText, numberText, tableText } from '../text.ts'

/** `archloom ls`: every study of a folder, the newest last. */
export function ls({ directory, output }: { directory: string; output: Output }): number {
  const studies = studiesIn(directory)
    .map((name) => listed(join(directory, name), name))
    .sort((a, b) => a.startedAt - b.startedAt)
  if (studies.length === 0) output.log(`no study in ${directory}; "archloom run <module>" makes one`)
  else
    output.log(
      tableText(
        ['study', 'status', 'trials', 'failed', 'best', 'time', 'started', 'space'],
        studies.map((s) => [
          s.study,
          s.status,
          String(s.trials ?? ''),
          String(s.failed ?? ''),
          s.best ? `${s.best.metric} ${numberText(s.best.value)}` : '',
          s.seconds === undefined ? '' : durationText(1000 * s.seconds),
          s.startedAt > 0 ? new Date(s.startedAt).toISOString().slice(0, 16).replace('T', ' ') : '',
          s.space ?? '',
        ]),
        output.reader.columns ?? 200,
      ),
    )
  output.result({ directory, studies })
  return 0
}

interface Listed {
  readonly study: string
  readonly path: string
  /** Of a damaged study, the error's code. */
  readonly status: string
  readonly startedAt: number
  readonly space?: string
  readonly trials?: number
  readonly failed?: number
  readonly best?: { readonly metric: string; readonly value: number; readonly trial: number }
  readonly seconds?: number
}

function listed(path: string, study: string): Listed {
  try {
    const { state, started } = readStudy(path)
    const [objective] = started.objectives
    const { best } = state
    const value = objective && best?.metrics[objective.metric]
    return {
      study,
      path,
      space: started.space.name,
      status: statusOf(path, state.status),
      trials: state.completed + state.failed,
      failed: state.failed,
      ...(objective && best && value !== undefined && { best: { metric: objective.metric, value, trial: best.trial } }),
      seconds: Math.round(state.elapsedMs / 1000),
      startedAt: state.startedAt,
    }
  } catch (thrown) {
    // One damaged study must not hide the others.
    if (!ArchloomError.is(thrown)) throw thrown
    return { study, path, status: thrown.code, startedAt: 0 }
  }
}

/** A journal that says it is running, with nobody writing it, was cut off. */
export const statusOf = (path: string, status: string): string =>
  status === 'running' && studyWriter(path) === undefined ? 'interrupted' : status
