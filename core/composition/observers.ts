import { realTimeLimit } from '../clock.ts'
import { ArchloomError, messageOf } from '../errors.ts'
import type { EventStream } from '../search/stream.ts'
import type { Named } from './compose.ts'
import type { Observed, Observer, Observing } from './observer.ts'

/** How long the end of a run waits for what observers have not written yet. */
const FLUSH_MS = 2000

/** The observers of an opened study. */
export interface Observers {
  /** What must be called at the end of the search. */
  readonly finishers: readonly Observing[]
  /** Waits until every observer has what it needs. Rejects with the first failure. */
  ready(): Promise<void>
  /** Lets observers write what is waiting, for two seconds at most; failures become warnings of the study. */
  flush(): Promise<void>
}

/** The code of the warning that an observer failed. The search continues and warns once for each code of its errors. */
const FAILED = 'ARCHLOOM_OBSERVER_FAILED'

/** Calls each observer with its view of the search. One that throws becomes a warning. */
export function startObservers(
  observers: readonly Named<Observer>[],
  viewOf: (report: (thrown: unknown) => void) => Omit<Observed, 'warn'>,
  stream: EventStream,
): Observers {
  const finishers: Observing[] = []
  const warnings = new Map<Observing, (thrown: unknown) => void>()
  for (const { owner, value: observe } of observers) {
    const warn = (thrown: unknown) => {
      const code = ArchloomError.is(thrown) ? thrown.code : ''
      stream.warn(`${owner} ${code}`, FAILED, `the observer "${owner}" failed: ${messageOf(thrown).slice(0, 500)}`)
    }
    try {
      const finisher = observe({ ...viewOf(warn), warn })
      if (typeof finisher !== 'function') continue
      finishers.push(finisher)
      warnings.set(finisher, warn)
    } catch (thrown) {
      warn(thrown)
    }
  }
  return {
    finishers,
    async ready() {
      await Promise.all(finishers.map((each) => each.ready?.()))
    },
    async flush() {
      const flushed = finishers.map(async (each) => {
        try {
          await each.flush?.()
        } catch (thrown) {
          warnings.get(each)?.(thrown)
        }
      })
      await Promise.race([Promise.all(flushed), realTimeLimit(FLUSH_MS)])
    },
  }
}
