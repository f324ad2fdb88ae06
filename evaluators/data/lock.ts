import { mkdir, open, rm, stat, utimes } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Clock } from '../../core/clock.ts'
import { messageOf } from '../../core/errors.ts'
import { error } from './errors.ts'

const BEAT_MS = 2000
/** A holder that has not renewed its lock for this long is considered dead. */
const STALE_MS = 5 * BEAT_MS
const LOOK_MS = 200

/**
 * Runs `work` while holding the lock file; other processes wait. The file of a process that died is taken over. File
 * times are compared only with each other, so clock differences between machines with a shared disk do not matter.
 * Error: ARCHLOOM_CACHE_UNWRITABLE.
 */
export async function withLock<T>(
  path: string,
  clock: Clock,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  await mkdir(dirname(path), { recursive: true }).catch((cause: unknown) => refuse(path, cause))
  let seen: { renewed: number; since: number } | undefined
  while (!(await create(path))) {
    const renewed = (await stat(path).catch(() => undefined))?.mtimeMs
    if (renewed !== undefined && renewed === seen?.renewed) {
      if (clock.now() - seen.since > STALE_MS) await rm(path, { force: true })
    } else seen = renewed === undefined ? undefined : { renewed, since: clock.now() }
    await clock.sleep(LOOK_MS, signal)
    signal?.throwIfAborted()
  }
  const beat = setInterval(() => {
    const now = new Date(clock.now())
    // The file may be removed by another process in the meantime, which is not an error.
    utimes(path, now, now).catch(() => {})
  }, BEAT_MS)
  try {
    return await work()
  } finally {
    clearInterval(beat)
    await rm(path, { force: true })
  }
}

async function create(path: string): Promise<boolean> {
  try {
    await (await open(path, 'wx')).close()
    return true
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'EEXIST') return false
    return refuse(path, thrown)
  }
}

function refuse(path: string, cause: unknown): never {
  throw error('ARCHLOOM_CACHE_UNWRITABLE', { path: dirname(path), reason: messageOf(cause) }, { cause })
}
