import { availableParallelism } from 'node:os'
import { error } from './errors.ts'

/**
 * Threads an engine may use: ARCHLOOM_THREADS, else what the machine has.
 * @throws ARCHLOOM_ENGINE_THREADS
 */
export function threadsWanted(environment: NodeJS.ProcessEnv = process.env): number {
  const received = environment.ARCHLOOM_THREADS?.trim()
  if (!received) return availableParallelism()
  const threads = Number(received)
  if (!Number.isSafeInteger(threads) || threads < 1) throw error('ARCHLOOM_ENGINE_THREADS', { received })
  return threads
}
