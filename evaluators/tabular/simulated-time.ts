import type { Clock, VirtualClock } from '../../core/clock.ts'

const isVirtual = (clock: Clock): clock is VirtualClock => 'advance' in clock

/**
 * On a virtual clock: a wait that moves the clock. Of the evaluations under way the one that ends first is released
 * first, once the search has started all it wants to start; so n at once take as long as n machines would.
 * Undefined on a clock that moves by itself.
 */
export function simulatedTime(clock: Clock): ((seconds: number, signal: AbortSignal) => Promise<void>) | undefined {
  if (!isVirtual(clock)) return undefined
  const waiting: { readonly end: number; readonly wake: () => void }[] = []
  let scheduled = false

  const schedule = () => {
    if (scheduled || waiting.length === 0) return
    scheduled = true
    setImmediate(() => {
      scheduled = false
      releaseFirst()
      schedule()
    })
  }
  const releaseFirst = () => {
    const end = Math.min(...waiting.map((each) => each.end))
    const [first] = waiting.splice(
      waiting.findIndex((each) => each.end === end),
      1,
    )
    if (!first) return
    clock.advance(Math.max(0, end - clock.now()))
    first.wake()
  }
  return (seconds, signal) =>
    new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason)
      const wake = () => (signal.aborted ? reject(signal.reason) : resolve())
      waiting.push({ end: clock.now() + 1000 * seconds, wake })
      schedule()
    })
}
