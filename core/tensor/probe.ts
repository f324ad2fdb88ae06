import { platform } from '#tensor-platform'
import { messageOf } from '../errors.ts'
import { optionNames } from '../options/index.ts'
import type { EngineReport } from './engine.ts'
import { error } from './errors.ts'

/** Speeds in 10⁹ floating-point operations per second; a multiply-add counts as two. */
export interface Speed {
  readonly matmulGflops: number
  /** Speed of the forward pass, backward pass and update of two convolutions with batch norm. */
  readonly trainingGflops: number
  readonly trainingStepMs: number
}

export interface Probe extends EngineReport {
  readonly missingGradients: readonly string[]
  readonly speed: Speed
}

/** The output of the probe process. */
export type ProbeAnswer = Probe | { readonly failure: string }

const probeNames = optionNames<{ readonly timeoutMs?: number }>('probe', { timeoutMs: true })

/**
 * Starts an engine in a process of its own, so that this one keeps its choice, and measures it there for about two
 * seconds.
 * @throws ARCHLOOM_ENGINE_PROBE_FAILED when that process fails.
 */
export async function probe(name: string, given: { readonly timeoutMs?: number } = {}): Promise<Probe> {
  const { timeoutMs = 120_000 } = probeNames(given)
  let answer: ProbeAnswer
  try {
    answer = await platform.probe(name, timeoutMs)
  } catch (thrown) {
    throw error('ARCHLOOM_ENGINE_PROBE_FAILED', { name, reason: messageOf(thrown) }, { cause: thrown })
  }
  if ('failure' in answer) throw error('ARCHLOOM_ENGINE_PROBE_FAILED', { name, reason: answer.failure })
  return answer
}
