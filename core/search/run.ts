import type { Algorithm, AlgorithmParts } from './algorithm.ts'
import type { EventDraft, SearchEvent } from './events.ts'
import type { EventStream } from './stream.ts'

const BREATH_MS = 40

/**
 * Drive an algorithm to its end: each yielded event is checked, written and published before the generator goes on.
 * Ends with search.finished, or with search.stopped when the signal aborts, the consumer leaves or the algorithm throws.
 */
export async function* run<A>(
  algorithm: Algorithm<A>,
  parts: AlgorithmParts<A>,
  stream: EventStream,
): AsyncGenerator<SearchEvent> {
  const generator = algorithm(parts)
  const began = parts.clock.now()
  const facts = () => ({ trials: stream.state.completed + stream.state.failed, elapsedMs: parts.clock.now() - began })
  let breathed = performance.now()
  let closed = false
  const close = (draft: EventDraft) => {
    closed = true
    return stream.publish(draft)
  }
  try {
    while (true) {
      const step = await generator.next()
      if (step.done) {
        const stopped = parts.signal.aborted
        yield* close(
          stopped
            ? { type: 'search.stopped', reason: String(parts.signal.reason ?? 'stopped'), ...facts() }
            : { type: 'search.finished', reason: step.value, ...facts() },
        )
        return
      }
      yield* stream.publish(step.value)
      // A search over a table never waits: let timers, signals and displays have their turn.
      if (performance.now() - breathed > BREATH_MS) {
        await new Promise((resolve) => setImmediate(resolve))
        breathed = performance.now()
      }
    }
  } catch (thrown) {
    if (!closed && stream.state.status === 'running')
      close({ type: 'search.stopped', reason: thrown instanceof Error ? thrown.message : String(thrown), ...facts() })
    throw thrown
  } finally {
    await generator.return('algorithm')
    if (!closed && stream.state.status === 'running')
      close({ type: 'search.stopped', reason: 'the consumer left the loop', ...facts() })
  }
}
