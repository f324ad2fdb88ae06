import { describe, expect, it } from 'vitest'
import { options, whole } from '../options/index.ts'
import { seeded } from '../random.ts'
import type { Scheduler, SchedulerFactory, SchedulerReport } from '../scheduler.ts'

export interface SchedulerContractOptions {
  /** Trials of each run. Default 60. */
  readonly trials?: number
}

const declared = options('schedulerContract', { trials: whole({ min: 1, default: 60, doc: 'Trials of each run.' }) })

interface Step {
  readonly call: 'start' | 'report' | 'promote' | 'give up' | 'finish'
  readonly trial: number
  readonly answer: unknown
}

/** Runs a scheduler alone, `workers` rungs at once; every `failing`-th rung has no result. */
function drive(factory: SchedulerFactory, trials: number, workers: number, failing: number) {
  const scheduler: Scheduler = factory({ objectives: [], rng: seeded(1), maxTrials: trials })
  const rng = seeded(2)
  const steps: Step[] = []
  const fidelities = new Map<number, number[]>()
  const paused = new Set<number>()
  const ended = new Map<number, 'completed' | 'pruned' | 'failed'>()
  const running: number[] = []
  let next = 0
  let rungs = 0
  let finished = false
  const reportOf = (trial: number, reward: number | undefined): SchedulerReport => ({
    rung: fidelities.get(trial)!.length - 1,
    fidelity: fidelities.get(trial)!.at(-1)!,
    metrics: reward === undefined ? {} : { accuracy: reward },
    ...(reward !== undefined && { reward }),
    objectives: reward === undefined ? [] : [reward],
    feasible: true,
    violation: 0,
    ended: reward === undefined || fidelities.get(trial)!.at(-1) === 1,
  })
  const note = (call: Step['call'], trial: number, answer: unknown) => steps.push({ call, trial, answer })
  for (let turns = 0; turns < 100 * trials; turns++) {
    for (let trial = scheduler.giveUp?.(); trial !== undefined; trial = scheduler.giveUp?.()) {
      note('give up', trial, null)
      expect(paused.delete(trial), `trial ${trial} is given up while it is paused`).toBe(true)
      ended.set(trial, 'pruned')
    }
    while (running.length < workers) {
      const promotion = scheduler.promote?.()
      if (promotion) {
        const { trial, fidelity } = promotion
        note('promote', trial, fidelity)
        expect(paused.delete(trial), `trial ${trial} is promoted while it is paused`).toBe(true)
        expect(fidelity).toBeGreaterThan(fidelities.get(trial)!.at(-1)!)
        expect(fidelity).toBeLessThanOrEqual(1)
        fidelities.get(trial)!.push(fidelity)
        running.push(trial)
        continue
      }
      if (next >= trials) break
      const start = scheduler.start?.(next) ?? 1
      note('start', next, start)
      if (start === 'wait') break
      const { fidelity, checkpointOf } = typeof start === 'number' ? { fidelity: start } : start
      if (checkpointOf !== undefined) {
        expect(paused.has(checkpointOf), `trial ${next} starts from trial ${checkpointOf} while it is paused`).toBe(
          true,
        )
        expect(fidelity).toBeGreaterThan(fidelities.get(checkpointOf)!.at(-1)!)
      }
      expect(fidelity > 0 && fidelity <= 1, `fidelity ${fidelity}`).toBe(true)
      fidelities.set(next, [fidelity])
      running.push(next++)
    }
    if (running.length === 0) {
      if (finished) break
      finished = true
      scheduler.finish?.(next)
      note('finish', next, null)
      continue
    }
    const trial = running.splice(rng.int(running.length), 1)[0]!
    const quality = seeded(trial).float()
    let stopped = false
    for (let step = 1; step <= 3 && !stopped; step++) {
      const decision = scheduler.report(trial, { ...reportOf(trial, (quality * step) / 3), ended: false, step })
      note('report', trial, decision)
      expect(['continue', 'stop']).toContain(decision)
      stopped = decision === 'stop'
    }
    const failed = ++rungs % failing === 0
    const report = { ...reportOf(trial, failed ? undefined : quality), ...(stopped && { ended: true }) }
    const decision = scheduler.report(trial, report)
    note('report', trial, decision)
    expect(['continue', 'pause', 'stop']).toContain(decision)
    if (failed) ended.set(trial, 'failed')
    else if (report.ended) ended.set(trial, stopped ? 'pruned' : 'completed')
    else if (decision === 'stop') ended.set(trial, 'pruned')
    else paused.add(trial)
  }
  return { steps, ended, paused, started: next }
}

/**
 * Tests for what every scheduler must guarantee (see `Scheduler`). Call it at the top level of a test file.
 *
 *     schedulerContract('patience', () => ({ report: (trial, report) => … }))
 */
export function schedulerContract(name: string, factory: SchedulerFactory, given: SchedulerContractOptions = {}): void {
  const { trials } = declared.read(given)
  describe(`${name} keeps the contract of schedulers`, () => {
    for (const workers of [1, 4])
      it(`starts every trial, promotes paused ones only, and completes some, with ${workers} at once`, () => {
        const { started, ended } = drive(factory, trials, workers, Number.POSITIVE_INFINITY)
        expect(started).toBe(trials)
        expect([...ended.values()].filter((how) => how === 'completed').length).toBeGreaterThan(0)
      })

    it('goes on when rungs fail', () => {
      const { started } = drive(factory, trials, 3, 4)
      expect(started).toBe(trials)
    })

    it('goes on when every rung fails', () => {
      expect(drive(factory, trials, 3, 1).started).toBe(trials)
    })

    it('decides the same from the same reports', () => {
      expect(drive(factory, trials, 3, 7).steps).toEqual(drive(factory, trials, 3, 7).steps)
    })
  })
}
