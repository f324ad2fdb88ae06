import { execFile } from 'node:child_process'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { messageOf } from '../errors.ts'
import { optionNames } from '../options/index.ts'
import type { EngineReport } from './engine.ts'
import { error } from './errors.ts'

/** Speeds in 10⁹ multiplications and additions a second: one multiply-add counts two. */
export interface Speed {
  readonly matmulGflops: number
  /** Forward and backward pass and update of two convolutions with batch norm. */
  readonly trainingGflops: number
  readonly trainingStepMs: number
}

export interface Probe extends EngineReport {
  readonly missingGradients: readonly string[]
  readonly speed: Speed
}

/** What that process prints. */
export type ProbeAnswer = Probe | { readonly failure: string }

const probeNames = optionNames<{ readonly timeoutMs?: number }>('probe', { timeoutMs: true })

/**
 * Starts an engine in a process of its own, so that this one keeps its choice, and measures it there for about two
 * seconds.
 * @throws ARCHLOOM_ENGINE_PROBE_FAILED when that process fails.
 */
export async function probe(name: string, given: { readonly timeoutMs?: number } = {}): Promise<Probe> {
  const { timeoutMs = 120_000 } = probeNames(given)
  const extension = extname(fileURLToPath(import.meta.url))
  const entry = fileURLToPath(new URL(`./probe-process${extension}`, import.meta.url))
  // From source, whatever runs this process, Node runs the child through tsx.
  const options = extension === '.ts' ? ['--conditions=source', '--import', 'tsx'] : []
  const cwd = fileURLToPath(new URL('../..', import.meta.url))
  let answer: ProbeAnswer
  try {
    const limits = { cwd, timeout: timeoutMs, maxBuffer: 1 << 24 }
    const { stdout } = await promisify(execFile)(process.execPath, [...options, entry, name], limits)
    answer = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as ProbeAnswer
  } catch (thrown) {
    throw error('ARCHLOOM_ENGINE_PROBE_FAILED', { name, reason: reasonOf(thrown) }, { cause: thrown })
  }
  if ('failure' in answer) throw error('ARCHLOOM_ENGINE_PROBE_FAILED', { name, reason: answer.failure })
  return answer
}

/** Of a process that died instead of answering. */
function reasonOf(thrown: unknown): string {
  const { killed = false, signal, code } = thrown as { killed?: boolean; signal?: string; code?: number | string }
  if (killed) return 'it did not answer in time'
  return signal ? `its process was ended by ${signal}` : `its process ended with ${code ?? messageOf(thrown)}`
}
