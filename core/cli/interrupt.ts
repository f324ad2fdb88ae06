/** What the first Ctrl-C does, and how messages are printed. */
export interface Interruption {
  readonly stop: () => void
  readonly say: (text: string) => void
  /** Whether the work can be stopped at all; if not, the first signal ends the process. Default: it can. */
  readonly isHeeded?: () => boolean
  /**
   * Seconds after SIGTERM at which the process ends although the work goes on. A supervisor sends no second signal.
   * Default: it waits for the work.
   */
  readonly graceSeconds?: number
}

/** Time that the running evaluations of a search have to end after SIGTERM. */
export const GRACE_SECONDS = 8

type Signal = 'SIGINT' | 'SIGTERM'
/** 128 plus the number of the signal, as shells report it. */
const exitCodes: Readonly<Record<Signal, number>> = { SIGINT: 130, SIGTERM: 143 }

/**
 * The first Ctrl-C (or SIGTERM) stops cleanly. The second one ends the process at once; every event seen so far is on
 * disk. Dispose the result to remove the signal handlers.
 */
export function onInterrupt({ stop, say, isHeeded = () => true, graceSeconds }: Interruption): Disposable {
  let asked = false
  let late: ReturnType<typeof setTimeout> | undefined
  const listen = (signal: Signal) => {
    if (asked || !isHeeded()) process.exit(exitCodes[signal])
    asked = true
    say('stopping after this step; press Ctrl-C again to quit at once')
    if (signal === 'SIGTERM' && graceSeconds !== undefined)
      late = setTimeout(() => process.exit(exitCodes.SIGTERM), 1000 * graceSeconds).unref()
    stop()
  }
  process.on('SIGINT', listen)
  process.on('SIGTERM', listen)
  return {
    [Symbol.dispose]() {
      clearTimeout(late)
      process.off('SIGINT', listen)
      process.off('SIGTERM', listen)
    },
  }
}

/** Copies options and adds `signal`; `isTaken` tells whether the receiver has read it. */
export function offering<T extends object>(options: T, signal: AbortSignal) {
  let isTaken = false
  const given = Object.defineProperty({ ...options }, 'signal', {
    enumerable: true,
    get() {
      isTaken = true
      return signal
    },
  }) as T & { readonly signal: AbortSignal }
  return { options: given, isTaken: () => isTaken }
}
