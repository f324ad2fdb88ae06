import type { Scheduler, SchedulerFactory, SchedulerReport } from '../../core/index.ts'
import { among, number, type OptionsOf, options } from '../../core/options/index.ts'
import { rankResults } from '../../core/policy/index.ts'

export const declared = options('asha', {
  minFidelity: number({
    above: 0,
    max: 1,
    default: 1 / 9,
    doc: 'Fidelity of the first rung: the share of the full effort that every trial gets at first.',
  }),
  eta: number({
    above: 1,
    default: 3,
    doc: 'Factor by which the effort grows from rung to rung; one of this many trials is continued.',
  }),
  variant: among(['promotion', 'stopping'], {
    default: 'promotion',
    doc: 'promotion: a trial waits until it is among the best of its rung. stopping: a trial is continued or given up at the end of each rung, and never continued later.',
  }),
})
export type AshaOptions = OptionsOf<typeof declared>

/** Fidelities of the rungs, the last one being 1. */
export function rungsOf(minFidelity: number, eta: number): readonly number[] {
  const rungs: number[] = []
  for (let fidelity = minFidelity; fidelity < 1 - 1e-9; fidelity *= eta) rungs.push(fidelity)
  return [...rungs, 1]
}

interface Entry extends SchedulerReport {
  readonly trial: number
}

/**
 * Asynchronous successive halving (Li et al. 2020): a trial is promoted to the next rung as soon as it is among the
 * best 1/eta of the results of its rung so far. No trial waits for a rung to be full.
 */
export function asynchronousHalving(given: AshaOptions = {}): SchedulerFactory {
  const { minFidelity, eta, variant } = declared.read(given)
  const fidelities = rungsOf(minFidelity, eta)
  return (): Scheduler => {
    const rungs: Entry[][] = fidelities.map(() => [])
    const promoted = fidelities.map(() => new Set<number>())
    /** In the stopping variant, trials that are continued at once. */
    const due: { trial: number; fidelity: number }[] = []
    let isFinished = false
    /** Trials of a rung that qualify for the next one, best first. */
    const top = (rung: number, share: number) => {
      const entries = rungs[rung]!
      const count = Math.floor(entries.length * share)
      return count === 0
        ? []
        : rankResults(entries)
            .slice(0, count)
            .map((i) => entries[i]!)
            .filter(({ reward, ended }) => reward !== undefined && !ended)
    }
    /** The best trial of a rung that was not promoted. */
    const bestOf = (rung: number, share: number) => top(rung, share).find(({ trial }) => !promoted[rung]!.has(trial))
    return {
      start: () => fidelities[0]!,
      report(trial, report) {
        if (report.step !== undefined) return 'continue'
        rungs[report.rung]!.push({ ...report, trial })
        if (variant === 'promotion' || report.ended) return 'pause'
        const entries = rungs[report.rung]!
        const place = rankResults(entries).indexOf(entries.length - 1)
        // The first results of a rung cannot be compared yet, so their trials are continued.
        if (place >= Math.max(1, Math.ceil(entries.length / eta))) return 'stop'
        due.push({ trial, fidelity: fidelities[report.rung + 1]! })
        return 'pause'
      },
      promote() {
        if (variant === 'stopping') return due.shift()
        for (let rung = fidelities.length - 2; rung >= 0; rung--) {
          // After the last trial, the best one goes on to the full effort if no other has had it.
          const last = isFinished && rungs.at(-1)!.length === 0 && promoted[rung]!.size === 0
          const next = bestOf(rung, last ? 1 : 1 / eta)
          if (!next) continue
          promoted[rung]!.add(next.trial)
          return { trial: next.trial, fidelity: fidelities[rung + 1]! }
        }
        return undefined
      },
      finish() {
        isFinished = true
      },
    }
  }
}
