/** What a first Ctrl-C does, and what it says. */
export interface Interruption {
  readonly stop: () => void
  readonly say: (text: string) => void
}

/**
 * Ctrl-C (or SIGTERM) once: stops cleanly. Twice: leaves at once; every event seen so far is on disk.
 * Dispose it to give the signals back.
 */
export function onInterrupt({ stop, say }: Interruption): Disposable {
  let asked = false
  const listen = () => {
    if (asked) process.exit(130)
    asked = true
    say('stopping after this step; press Ctrl-C again to leave at once')
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
