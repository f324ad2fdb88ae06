import type { Scheduler, SchedulerFactory, SchedulerReport } from '../../core/index.ts'
import { rankResults } from '../../core/policy/index.ts'
import { type PbtOptions, pbtOptions } from './options.ts'

/**
 * Population-based training (Jaderberg et al. 2017), the part that exploits: a population of trials is trained in equal
 * stretches. After each stretch the worst members are given up. In their place new trials start from the checkpoints of
 * members drawn from the best, with what the controller proposes for them. Once a population is fully trained, the
 * next one begins. Error: ARCHLOOM_OPTION.
 */
export function populationBasedTraining(given: PbtOptions = {}): SchedulerFactory {
  const { population, generations, truncation } = pbtOptions.read(given)
  return ({ maxTrials, rng }): Scheduler => {
    /** Stretches that every member has behind it. */
    let generation = 0
    /** Trials that have started so far, and members of a new population that have not. */
    let started = 0
    let vacant = 0
    const running = new Set<number>()
    let results: (SchedulerReport & { readonly trial: number })[] = []
    /** Trials to continue, trials to give up, and the trials from whose checkpoints replacements start. */
    let due: number[] = []
    const hopeless: number[] = []
    let origins: number[] = []

    const isIdle = () => running.size + due.length + origins.length + vacant === 0
    const fidelity = () => (generation + 1) / generations

    const advance = () => {
      const alive = rankResults(results)
        .map((i) => results[i]!)
        .filter(({ ended, reward }) => !ended && reward !== undefined)
        .map(({ trial }) => trial)
      const share = Math.min(Math.floor(alive.length / 2), Math.max(1, Math.floor(truncation * results.length)))
      const lost = alive.length === 0 ? 0 : results.length - alive.length
      const left = maxTrials - started
      // The places of trials that failed are filled first: nobody else is trained there.
      const replaced = Math.max(0, Math.min(share, left - lost))
      const best = alive.slice(0, Math.max(1, share))
      hopeless.push(...alive.slice(alive.length - replaced))
      due = alive.slice(0, alive.length - replaced)
      origins = Array.from({ length: replaced + Math.max(0, Math.min(lost, left)) }, () => rng.pick(best))
      results = []
      generation++
    }

    return {
      start(trial) {
        const checkpointOf = origins.shift()
        if (checkpointOf === undefined) {
          if (isIdle()) {
            generation = 0
            vacant = Math.max(1, Math.min(population, maxTrials - started))
          }
          if (vacant === 0) return 'wait'
          vacant--
        }
        started++
        running.add(trial)
        return checkpointOf === undefined ? fidelity() : { fidelity: fidelity(), checkpointOf }
      },
      report(trial, report) {
        if (report.step !== undefined) return 'continue'
        running.delete(trial)
        results.push({ ...report, trial })
        if (isIdle()) advance()
        return 'pause'
      },
      promote() {
        // The best members rest until their replacements have started from their checkpoints.
        const trial = origins.length > 0 ? undefined : due.shift()
        if (trial === undefined) return undefined
        running.add(trial)
        return { trial, fidelity: fidelity() }
      },
      giveUp: () => hopeless.shift(),
    }
  }
}
