import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
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
}

/**
 * Optuna's samplers on the same problem, in a Python process of this run. A string where they cannot be run: the reason.
 * Every decision of the tables is a choice; ordered ones are integers for Optuna, the others categories.
 */
export function playPeers(problem: Problem, options: PeersOptions): Map<string, Played> | string {
  const { python, ...given } = options
  const { task = tableOf(problem), genotypeOf } = problem.peers ?? {}
  const run = spawnSync(python, [program], {
    input: JSON.stringify({ ...given, ...task }),
    encoding: 'utf8',
    maxBuffer: 2 ** 30,
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  if (run.error) return `${python} cannot be started: ${run.error.message}`
  if (run.status !== 0) return `${python} ended with ${run.status}: ${run.stderr.trim().split('\n').at(-1)}`
  const results = Object.entries(JSON.parse(run.stdout) as Record<string, Played & { values: readonly number[] }>)
  return new Map(
    results.map(([name, { genotypes, milliseconds, values }]) => {
      const own = genotypeOf ? genotypes.map((trials) => trials.map(genotypeOf)) : genotypes
      // Both programs must compute the same function.
      for (const [seed, value] of values.entries())
        if (!(Math.abs(problem.objectivesOf(own[seed]!.at(-1)!)[0]! - value) < 1e-6))
          throw new Error(`${name} computes ${value}, not ${problem.objectivesOf(own[seed]!.at(-1)!)[0]}`)
      return [name, { genotypes: own, milliseconds }]
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
