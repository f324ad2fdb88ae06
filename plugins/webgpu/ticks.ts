import { setImmediate as afterThisTurn } from 'node:timers'

/**
 * Dawn finishes its asynchronous work in ticks, and requests each by calling the global setImmediate. Calls into Dawn
 * that start such work go through `during`, which collects these ticks here instead. Node still runs them, one per turn
 * of its loop, but a synchronous read can run them at once and thus wait for the GPU without leaving its stack.
 */
export class Ticks {
  private readonly waiting: (() => void)[] = []
  private scheduled = false

  /** Calls `work` while collecting Dawn's requests for ticks. */
  during<T>(work: () => T): T {
    const original = globalThis.setImmediate
    const collect = (tick: () => void) => void this.waiting.push(tick)
    globalThis.setImmediate = collect as unknown as typeof globalThis.setImmediate
    try {
      return work()
    } finally {
      globalThis.setImmediate = original
      this.schedule()
    }
  }

  /** Runs one tick now; returns false if Dawn waits for none. */
  run(): boolean {
    const tick = this.waiting.shift()
    if (!tick) return false
    this.during(tick)
    return true
  }

  private schedule(): void {
    if (this.scheduled || this.waiting.length === 0) return
    this.scheduled = true
    afterThisTurn(() => {
      this.scheduled = false
      this.run()
      this.schedule()
    })
  }
}
