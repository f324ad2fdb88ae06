import { ArchloomError, messageOf } from '../../errors.ts'
import { readRecord } from '../../study/record.ts'
import type { Studies } from '../../study/studies.ts'
import { type Output, widthOf } from '../output.ts'
import { durationText, numberText, tableText } from '../text.ts'

/** `archloom ls`: lists all studies of a storage, newest last. */
export async function ls({ studies: place, output }: { studies: Studies; output: Output }): Promise<number> {
  const studies: Listed[] = []
  for (const name of await place.list()) studies.push(await listed(place, name))
  studies.sort((a, b) => a.startedAt - b.startedAt)
  if (studies.length === 0)
    output.log(`there is no study in ${place.url.replace(/^journal:/, '')}; "archloom run <module>" creates one`)
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
        widthOf(output.reader, 200),
      ),
    )
  output.result({ storage: place.url, studies })
  return 0
}

interface Listed {
  readonly study: string
  readonly path: string
  /** The study's status; for a damaged study, the code of the error. */
  readonly status: string
  readonly startedAt: number
  readonly space?: string
  readonly trials?: number
  readonly failed?: number
  readonly best?: { readonly metric: string; readonly value: number; readonly trial: number }
  readonly seconds?: number
}

async function listed(place: Studies, study: string): Promise<Listed> {
  try {
    const store = await place.open(study)
    const { state, started, location } = await readRecord(store)
    await store.close()
    const [objective] = started.objectives
    const { best } = state
    const value = objective && best?.metrics[objective.metric]
    return {
      study,
      path: location,
      space: started.space.name,
      status: statusOf(state.status, await place.isWritten(study)),
      trials: state.completed + state.pruned + state.failed,
      failed: state.failed,
      ...(objective && best && value !== undefined && { best: { metric: objective.metric, value, trial: best.trial } }),
      seconds: Math.round(state.elapsedMs / 1000),
      startedAt: state.startedAt,
    }
  } catch (thrown) {
    // One damaged study must not hide the others.
    const status = ArchloomError.is(thrown) ? thrown.code : messageOf(thrown).slice(0, 60)
    return { study, path: study, status, startedAt: 0 }
  }
}

/** A study that is running according to its last event was interrupted if no process is writing it. */
export const statusOf = (status: string, isWritten: boolean | undefined): string =>
  status === 'running' && isWritten === false ? 'interrupted' : status
