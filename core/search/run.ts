import { nextTurn } from '#platform'
import type { EventDraft, SearchEvent } from '../trial/events.ts'
import type { Algorithm, AlgorithmParts } from './algorithm.ts'
import type { EventStream } from './stream.ts'

/** Milliseconds that the loop may run before timers, signal handlers and displays get a turn. */
const TURN_MS = 40

/**
 * Runs an algorithm to its end. Each yielded event is checked, written and published before the generator continues.
 * Ends with search.finished, or with search.stopped when the signal aborts, the consumer leaves or the algorithm
 * throws. `ending` is asked for events before the last one, unless the consumer leaves or the algorithm throws.
 */
export async function* run<A>(
  algorithm: Algorithm<A>,
  parts: AlgorithmParts<A>,
  stream: EventStream,
  ending: () => Promise<readonly EventDraft[]> = async () => [],
): AsyncGenerator<SearchEvent> {
  const generator = algorithm(parts)
  let turned = performance.now()
  let closed = false
  const close = (type: 'search.stopped' | 'search.finished', reason: string) => {
    closed = true
    return stream.publish(endOf(stream, type, reason))
  }
  try {
    while (true) {
      const step = await generator.next()
      if (step.done) {
        for (let wanted = parts.enqueued(); wanted; wanted = parts.enqueued()) yield* await stream.publish(wanted)
        yield* await stream.publish(...(await ending()))
        yield* parts.signal.aborted
          ? await close('search.stopped', String(parts.signal.reason ?? 'stopped'))
          : await close('search.finished', step.value)
        return
      }
      yield* await stream.publish(...(Array.isArray(step.value) ? step.value : [step.value]))
      if (performance.now() - turned > TURN_MS) {
        await nextTurn()
        turned = performance.now()
      }
    }
  } catch (thrown) {
    if (!closed && stream.isOpen)
      await close('search.stopped', thrown instanceof Error ? thrown.message : String(thrown)).catch(() => {})
    throw thrown
  } finally {
    await generator.return('algorithm')
    if (!closed && stream.isOpen) await close('search.stopped', 'the consumer left the loop')
  }
}

/** The event that closes a session. `elapsedMs` is the total time of all sessions. */
export function endOf(
  { state }: Pick<EventStream, 'state'>,
  type: 'search.stopped' | 'search.finished',
  reason: string,
): EventDraft {
  const { completed, pruned, failed, elapsedMs } = state
  return { type, reason, trials: completed + pruned + failed, elapsedMs } as EventDraft
}
