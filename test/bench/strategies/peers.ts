import { spawn } from 'node:child_process'
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { replaceFileSync } from '../../../core/node/files.ts'
import type { Problem } from './problems.ts'

const program = fileURLToPath(new URL('./optuna_peers.py', import.meta.url))

export interface Played {
  /** For each seed, the genotypes of its trials. */
  readonly genotypes: readonly (readonly (readonly number[])[])[]
  /** Processor time of a trial on average. */
  readonly milliseconds: number
}

export interface PeersOptions {
  readonly python: string
  readonly samplers: readonly string[]
  readonly seeds: number
  readonly trials: number
  /** A file of one line of JSON per search. Searches that are in it are not repeated. */
  readonly keep?: string
  /** Is told of each search that was played. */
  readonly onPlayed?: (sampler: string, seed: number) => void
}

/** One search of a sampler, as Python prints it. */
interface Run {
  readonly problem: string
  readonly trials: number
  readonly version: string
  readonly sampler: string
  readonly seed: number
  readonly genotypes: readonly (readonly number[])[]
  readonly milliseconds: number
  /** The value of the last trial, where the problem is a function. */
  readonly value?: number
}

const keptIn = (file: string | undefined): readonly Run[] => {
  if (file === undefined || !existsSync(file)) return []
  const text = readFileSync(file, 'utf8')
  // The last line is incomplete if the run that wrote it was stopped.
  const whole = text.slice(0, text.lastIndexOf('\n') + 1)
  if (whole.length < text.length) replaceFileSync(file, whole)
  return whole
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Run)
}

/**
 * Optuna's samplers on the same problem, in a Python process of this run. A string where they cannot be run: the reason.
 * Every decision of the tables is a choice; ordered ones are integers for Optuna, the others categories.
 */
export async function playPeers(problem: Problem, options: PeersOptions): Promise<Map<string, Played> | string> {
  const { python, samplers, seeds, trials, keep, onPlayed = () => {} } = options
  // A table holds every architecture.
  if (!problem.peers && problem.space.size > 100_000n)
    return `${problem.name} has ${problem.space.size} architectures, too many for a table`
  const { task = tableOf(problem), genotypeOf = (values: readonly number[]) => values } = problem.peers ?? {}
  const done = keptIn(keep).filter((run) => run.problem === problem.name && run.trials === trials)
  const wanted = samplers.flatMap((sampler) => Array.from({ length: seeds }, (_, i) => [sampler, i + 1] as const))
  const runs = wanted.filter(([sampler, seed]) => !done.some((run) => run.sampler === sampler && run.seed === seed))
  if (runs.length > 0) {
    // More threads would only add processor time to matrices as small as these.
    const env = { ...process.env, OMP_NUM_THREADS: '1' }
    const child = spawn(python, [program], { env, stdio: ['pipe', 'pipe', 'pipe'] })
    const ended = new Promise<string | undefined>((resolve) => {
      let errors = ''
      child.stderr.on('data', (data) => {
        errors += data
      })
      child.on('error', (error) => resolve(`${python} cannot be started: ${error.message}`))
      child.on('close', (code) =>
        resolve(code === 0 ? undefined : `${python} ended with ${code}: ${errors.trim().split('\n').at(-1)}`),
      )
    })
    child.stdin.on('error', () => {})
    child.stdin.end(JSON.stringify({ runs, trials, ...task }))
    for await (const line of createInterface(child.stdout)) {
      const run: Run = { problem: problem.name, trials, ...JSON.parse(line) }
      done.push(run)
      if (keep !== undefined) appendFileSync(keep, `${JSON.stringify(run)}\n`)
      onPlayed(run.sampler, run.seed)
    }
    const reason = await ended
    if (reason !== undefined) return reason
  }
  return new Map(
    samplers.map((sampler) => {
      const its = done.filter((run) => run.sampler === sampler && run.seed <= seeds).sort((a, b) => a.seed - b.seed)
      const name = `optuna ${its[0]!.version} ${sampler}`
      const genotypes = its.map((run) => run.genotypes.map(genotypeOf))
      // Both programs must compute the same function.
      for (const [k, { value }] of its.entries()) {
        const own = problem.objectivesOf(genotypes[k]!.at(-1)!)[0]!
        if (value !== undefined && !(Math.abs(own - value) < 1e-6))
          throw new Error(`${name} computes ${value}, not ${own}`)
      }
      return [name, { genotypes, milliseconds: its.reduce((sum, run) => sum + run.milliseconds, 0) / its.length }]
    }),
  )
}

function tableOf({ space, objectivesOf }: Problem) {
  const decisions = space.decisions.map((decision) =>
    decision.kind === 'choice' ? { options: decision.options.length, ordered: decision.ordered } : undefined,
  )
  const values = Object.fromEntries([...space.enumerate()].map((genotype) => [genotype.join(), objectivesOf(genotype)]))
  return { decisions, values }
}
