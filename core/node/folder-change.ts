import { watch } from 'node:fs'

const POLL_MS = 500

/**
 * Waits until something in a folder changes, `wait` resolves or the signal aborts; at most half a second, for not every
 * file system tells of changes.
 */
export async function folderChange(
  folder: string,
  signal: AbortSignal,
  wait: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const turn = new AbortController()
  const done = () => turn.abort()
  const timer = setTimeout(done, POLL_MS)
  const watcher = (() => {
    try {
      return watch(folder, done)
    } catch {
      return undefined
    }
  })()
  watcher?.on('error', done)
  signal.addEventListener('abort', done)
  try {
    // What was written between reading and watching is found by the next look, at the latest after the pause.
    const ended = new Promise<void>((resolve) => turn.signal.addEventListener('abort', () => resolve()))
    if (!signal.aborted) await Promise.race([wait(turn.signal), ended])
  } finally {
    signal.removeEventListener('abort', done)
    clearTimeout(timer)
    watcher?.close()
    turn.abort()
  }
}
