import { nextTurn } from '#platform'
import { type Clock, isTimeHeld, timeReleased, type VirtualClock } from '../../core/clock.ts'

const isVirtual = (clock: Clock): clock is VirtualClock => 'advance' in clock

/**
 * For a virtual clock: a function that waits by moving the clock. Once the search has started all evaluations that it
 * can start, the one that ends first is released first. So n evaluations at once take as long as on n machines.
 * Undefined for a real clock.
 */
export function simulatedTime(clock: Clock): ((seconds: number, signal: AbortSignal) => Promise<void>) | undefined {
  if (!isVirtual(clock)) return undefined
  const waiting: { readonly end: number; readonly wake: () => void }[] = []
  let scheduled = false

  const schedule = () => {
    if (scheduled || waiting.length === 0) return
    scheduled = true
    void allStarted().then(() => {
      scheduled = false
      releaseFirst()
      schedule()
    })
  }
  const allStarted = async () => {
    await nextTurn()
    while (isTimeHeld(clock)) {
      await timeReleased(clock)
      await nextTurn()
    }
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
