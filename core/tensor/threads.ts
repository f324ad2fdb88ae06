import { platform } from '#tensor-platform'
import { error } from './errors.ts'

/**
 * Number of threads that an engine may use: ARCHLOOM_THREADS, else the number of cores of the machine.
 * @throws ARCHLOOM_ENGINE_THREADS
 */
export function threadsWanted(environment = platform.environment): number {
  const received = environment.ARCHLOOM_THREADS?.trim()
  if (!received) return platform.cores
  const threads = Number(received)
  if (!Number.isSafeInteger(threads) || threads < 1) throw error('ARCHLOOM_ENGINE_THREADS', { received })
  return threads
}
