/** What the first Ctrl-C does, and how messages are printed. */
export interface Interruption {
  readonly stop: () => void
  readonly say: (text: string) => void
}

/**
 * The first Ctrl-C (or SIGTERM) stops cleanly. The second one ends the process at once; every event seen so far is on
 * disk. Dispose the result to remove the signal handlers.
 */
export function onInterrupt({ stop, say }: Interruption): Disposable {
  let asked = false
  const listen = () => {
    if (asked) process.exit(130)
    asked = true
    say('stopping after this step; press Ctrl-C again to quit at once')
    stop()
  }
  process.on('SIGINT', listen)
  process.on('SIGTERM', listen)
  return {
    [Symbol.dispose]() {
      process.off('SIGINT', listen)
      process.off('SIGTERM', listen)
    },
  }
}
