import type { Algorithm } from './algorithm.ts'
import type { EventDraft } from './events.ts'

/** What came up beside an algorithm since the last call, as events: files that a trainer wrote, say. */
export interface News {
  news(): readonly EventDraft[]
}

/** An algorithm whose events also tell the news, right before the event during which they came up. */
export const announced = (algorithm: Algorithm, { news }: News): Algorithm =>
  async function* (parts) {
    const events = algorithm(parts)
    for (;;) {
      const { value, done } = await events.next()
      yield* news()
      if (done) return value
      yield value
    }
  }
