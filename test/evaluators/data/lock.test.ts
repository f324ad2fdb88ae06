import { utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type Clock, realClock } from '../../../core/clock.ts'
import { withLock } from '../../../evaluators/data/lock.ts'
import { exists } from '../../../evaluators/data/read-bytes.ts'
import { temporaryFolder } from './files.ts'

test('one at a time, and the file is gone afterwards, also after an error', async () => {
  const path = join(await temporaryFolder(), 'new', '.lock')
  let inside = 0
  let most = 0
  const work = async () => {
    most = Math.max(most, ++inside)
    await realClock.sleep(5)
    inside--
  }
  const failing = withLock(path, realClock, undefined, () => Promise.reject(new Error('no')))
  await expect(failing).rejects.toThrow('no')
  await Promise.all([1, 2, 3].map(() => withLock(path, realClock, undefined, work)))
  expect(most).toBe(1)
  expect(await exists(path)).toBe(false)
})

test('the lock of a process that died is taken over; a renewed one is not', async () => {
  const path = join(await temporaryFolder(), '.lock')
  await writeFile(path, '')
  // Time runs as fast as it is slept.
  let now = realClock.now()
  const clock: Clock = {
    now: () => now,
    sleep: async (ms) => {
      now += ms
    },
  }
  const start = now
  expect(await withLock(path, clock, undefined, async () => 'mine')).toBe('mine')
  expect(now - start).toBeGreaterThan(9000)

  await writeFile(path, '')
  const abort = new AbortController()
  const renewing: Clock = {
    now: () => now,
    sleep: async (ms) => {
      now += ms
      await utimes(path, new Date(now), new Date(now))
      if (now - start > 60_000) abort.abort(new Error('waited long enough'))
    },
  }
  await expect(withLock(path, renewing, abort.signal, async () => 'mine')).rejects.toThrow('waited long enough')
})
