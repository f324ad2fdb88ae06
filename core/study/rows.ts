/** What a store that keeps events as numbered rows is made of, whatever keeps the rows. */
import type { SearchEvent, SearchEventType } from '../trial/events.ts'
import { error } from './errors.ts'
import { error as storageError } from './storage-errors.ts'
import { decodeEvent } from './store.ts'

/** The event that row `seq` of a study holds. Error: ARCHLOOM_STORAGE_CORRUPT, also where it is the event of another number. */
export function decodeRow(location: string, seq: number, expected: number, received: string): SearchEvent {
  const refuse = (cause?: unknown) =>
    storageError('ARCHLOOM_STORAGE_CORRUPT', { location, seq: expected, received }, { cause })
  let event: SearchEvent
  try {
    event = decodeEvent(received)
  } catch (cause) {
    throw refuse(cause)
  }
  // What else an event must hold is checked where events are folded.
  if (seq !== expected || event?.seq !== expected || typeof event.type !== 'string') throw refuse()
  return event
}

const ENDS = new Set<SearchEventType>(['trial.completed', 'trial.failed', 'trial.pruned', 'trial.paused'])

/** Whether one of these events pauses or ends a trial. With `fsync: 'trial'`, stores force such events to the disk. */
export const endTrials = (events: readonly SearchEvent[]): boolean => events.some(({ type }) => ENDS.has(type))

/** Artifacts larger than this are kept in several parts, for databases limit the size of one value. */
export const ARTIFACT_PART = 8 << 20

/** The parts of an artifact; one empty part where it is empty. */
export const artifactParts = (data: Uint8Array): readonly Uint8Array[] =>
  Array.from({ length: Math.max(1, Math.ceil(data.length / ARTIFACT_PART)) }, (_, part) =>
    data.subarray(part * ARTIFACT_PART, (part + 1) * ARTIFACT_PART),
  )

/** The name of an artifact is a relative path inside the study. Error: ARCHLOOM_ARTIFACT_NAME. */
export function checkArtifactName(name: string): void {
  const isPath =
    typeof name === 'string' &&
    !name.includes('\0') &&
    name.split('/').every((step) => step !== '' && step !== '.' && step !== '..')
  if (!isPath) throw error('ARCHLOOM_ARTIFACT_NAME', { received: name })
}

/** Reads from a number on, then reads again whenever `changed` resolves, until the signal aborts. */
export async function* followRows(
  read: (from: number) => AsyncIterable<readonly SearchEvent[]>,
  from: number,
  signal: AbortSignal,
  changed: (signal: AbortSignal) => Promise<void>,
): AsyncGenerator<readonly SearchEvent[], void, void> {
  for (let next = from; ; ) {
    for await (const events of read(next)) {
      next += events.length
      yield events
    }
    if (signal.aborted) return
    await changed(signal)
  }
}
