import type { Scheduler, SchedulerFactory, SchedulerReport } from '../../core/index.ts'
import { number, type OptionsOf, options } from '../../core/options/index.ts'
import { rankResults } from '../../core/policy/index.ts'

const minFidelity = number({
  above: 0,
  max: 1,
  default: 1 / 9,
  doc: 'Smallest share of the full effort that a trial may get at first.',
})
const eta = number({
  above: 1,
  default: 3,
  doc: 'Factor by which the effort grows from rung to rung; one of this many trials is continued.',
})
export const declared = options('hyperband', { minFidelity, eta })
export type HyperbandOptions = OptionsOf<typeof declared>
export const declaredHalving = options('successiveHalving', { minFidelity, eta })
export type SuccessiveHalvingOptions = OptionsOf<typeof declaredHalving>

interface Bracket {
  readonly fidelities: readonly number[]
  /** Number of trials that start in the bracket. */
  size: number
  started: number
  /** The present rung, its trials, and their results so far. */
  rung: number
  waiting: Set<number>
  results: (SchedulerReport & { readonly trial: number })[]
}

/** Size and rungs of a bracket; brackets of different shapes take turns. */
type Shape = { readonly size: number; readonly fidelities: readonly number[] }

/**
 * Synchronous successive halving in brackets: once every trial of a bracket's rung has a result, the best 1/eta of
 * them continue to the next rung and the others are given up. Brackets of the given shapes follow one another. A new
 * bracket may start while earlier ones wait for results.
 */
function brackets(shapes: readonly Shape[], eta: number): SchedulerFactory {
  return ({ maxTrials }): Scheduler => {
    const open: Bracket[] = []
    const bracketOf = new Map<number, Bracket>()
    const due: { trial: number; fidelity: number }[] = []
    const hopeless: number[] = []
    let current: Bracket | undefined
    let count = 0

    const bracketFor = (trial: number): Bracket => {
      if (!current || current.started === current.size) {
        const shape = shapes[count++ % shapes.length]!
        // The last bracket is limited to the trials that the budget leaves.
        const size = Math.max(1, Math.min(shape.size, maxTrials - trial))
        current = { fidelities: shape.fidelities, size, started: 0, rung: 0, waiting: new Set(), results: [] }
        open.push(current)
      }
      return current
    }
    const advance = (bracket: Bracket) => {
      const { rung, results, fidelities } = bracket
      const keep = Math.max(1, Math.floor(results.length / eta))
      const alive = rankResults(results)
        .map((i) => results[i]!)
        .filter(({ ended, reward }) => !ended && reward !== undefined)
      const fidelity = fidelities[rung + 1]!
      for (const { trial } of alive.slice(0, keep)) {
        due.push({ trial, fidelity })
        bracket.waiting.add(trial)
      }
      hopeless.push(...alive.slice(keep).map(({ trial }) => trial))
      for (const { trial } of results) if (!bracket.waiting.has(trial)) bracketOf.delete(trial)
      bracket.rung = rung + 1
      bracket.results = []
      if (bracket.waiting.size === 0) open.splice(open.indexOf(bracket), 1)
    }
    return {
      start(trial) {
        const bracket = bracketFor(trial)
        bracket.started++
        bracket.waiting.add(trial)
        bracketOf.set(trial, bracket)
        return bracket.fidelities[0]!
      },
      report(trial, report) {
        const bracket = bracketOf.get(trial)
        if (report.step !== undefined || !bracket) return 'continue'
        bracket.waiting.delete(trial)
        bracket.results.push({ ...report, trial })
        const isLast = bracket.rung === bracket.fidelities.length - 1
        if (bracket.waiting.size === 0 && bracket.started === bracket.size && !isLast) advance(bracket)
        return 'pause'
      },
      promote: () => due.shift(),
      giveUp: () => hopeless.shift(),
      finish(next) {
        // A bracket that no further trial will fill continues with those that it has.
        const bracket = current
        current = undefined
        if (!bracket) return
        if (bracket.waiting.delete(next)) bracket.started--
        bracketOf.delete(next)
        const isFull = bracket.started === bracket.size
        bracket.size = bracket.started
        const isLast = bracket.rung === bracket.fidelities.length - 1
        if (!isFull && !isLast && bracket.waiting.size === 0) advance(bracket)
      },
    }
  }
}

/** Fidelities of the rungs; the last one is 1. */
const ladder = (steps: number, base: number) => Array.from({ length: steps + 1 }, (_, i) => base ** (i - steps))

const depthOf = (least: number, base: number) => Math.floor(-Math.log(least) / Math.log(base) + 1e-9)

/**
 * Hyperband (Li et al. 2018): brackets of successive halving take turns, from many trials that start at a small
 * fidelity to few at the full one, each with about the same total effort. So the search works whether early results
 * are informative or not.
 */
export function hyperbandBrackets(given: HyperbandOptions = {}): SchedulerFactory {
  const { minFidelity: least, eta: base } = declared.read(given)
  const depth = depthOf(least, base)
  const shapes = Array.from({ length: depth + 1 }, (_, i) => {
    const steps = depth - i
    return { size: Math.ceil(((depth + 1) * base ** steps) / (steps + 1)), fidelities: ladder(steps, base) }
  })
  return brackets(shapes, base)
}

/**
 * Successive halving (Jamieson and Talwalkar 2016): repeats the bracket of Hyperband that starts with the most trials.
 */
export function halvingBrackets(given: SuccessiveHalvingOptions = {}): SchedulerFactory {
  const { minFidelity: least, eta: base } = declaredHalving.read(given)
  const depth = depthOf(least, base)
  return brackets([{ size: Math.ceil(base ** depth), fidelities: ladder(depth, base) }], base)
}
