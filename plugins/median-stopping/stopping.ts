import type { Scheduler, SchedulerFactory, SchedulerReport } from '../../core/index.ts'
import { among, group, number, type OptionsOf, options, text, whole } from '../../core/options/index.ts'

const metric = text({
  absent: 'the reward, if the reports hold every objective',
  doc: 'Name of the reported metric that is compared.',
})
const direction = among(['maximise', 'minimise'], {
  default: 'maximise',
  doc: 'Whether larger or smaller values of `metric` are better. The reward is always maximised.',
})
export const declaredMedian = options(
  'medianStopping',
  {
    metric,
    direction,
    startup: whole({ min: 1, default: 5, doc: 'Number of trials that must be completed before any trial is stopped.' }),
    warmUp: group(
      { steps: number({ min: 0, default: 0, doc: 'No trial is stopped up to this step.' }) },
      { doc: 'Training that is left alone.' },
    ),
  },
  { renamed: { startUpTrials: 'startup', warmUpSteps: 'warmUp.steps' } },
)
export type MedianStoppingOptions = OptionsOf<typeof declaredMedian>
export const declaredPatience = options('patience', {
  metric,
  direction,
  reports: whole({
    min: 1,
    default: 5,
    doc: 'Number of consecutive reports without an improvement after which a trial is stopped.',
  }),
  minDelta: number({ min: 0, default: 0, doc: 'Smallest change that counts as an improvement.' }),
})
export type PatienceOptions = OptionsOf<typeof declaredPatience>

/** The value that is compared (larger is better); undefined if the report does not contain it. */
const comparedValue = (
  { metrics, reward }: SchedulerReport,
  { metric: name, direction: towards }: { readonly metric?: string; readonly direction: 'maximise' | 'minimise' },
): number | undefined => {
  if (name === undefined) return reward
  const value = metrics[name]
  return value === undefined || towards === 'maximise' ? value : -value
}

const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/**
 * The median stopping rule (Golovin et al. 2017): a trial is stopped at a step if its best value so far is below the
 * median of the completed trials' mean values up to that step. Completed trials are those that had completed when the
 * trial started, so that the decision does not depend on how fast other trials run, and a resumed study repeats it.
 */
export function medianRule(given: MedianStoppingOptions = {}): SchedulerFactory {
  const read = declaredMedian.read(given)
  const { startup, warmUp } = read
  return (): Scheduler => {
    type Course = { steps: number[]; means: number[]; sum: number; best: number }
    const running = new Map<number, Course>()
    const completed: Course[] = []
    /** How many trials had completed when each running trial started. */
    const before = new Map<number, number>()
    /** Mean of a trial's reported values up to a step. */
    const meanAt = ({ steps, means }: Course, step: number): number | undefined => {
      let [low, high] = [0, steps.length]
      while (low < high) {
        const middle = (low + high) >> 1
        if (steps[middle]! <= step) low = middle + 1
        else high = middle
      }
      return low === 0 ? undefined : means[low - 1]
    }
    return {
      start(trial) {
        before.set(trial, completed.length)
        return 1
      },
      report(trial, report) {
        if (report.step === undefined) {
          const course = running.get(trial)
          if (report.ended && report.reward !== undefined && course) completed.push(course)
          if (report.ended) {
            running.delete(trial)
            before.delete(trial)
          }
          return 'continue'
        }
        const value = comparedValue(report, read)
        if (value === undefined || Number.isNaN(value)) return 'continue'
        const course = running.get(trial) ?? { steps: [], means: [], sum: 0, best: Number.NEGATIVE_INFINITY }
        running.set(trial, course)
        course.sum += value
        course.best = Math.max(course.best, value)
        course.steps.push(report.step)
        course.means.push(course.sum / course.steps.length)
        const comparable = before.get(trial) ?? completed.length
        if (comparable < startup || report.step <= warmUp.steps) return 'continue'
        const others = completed
          .slice(0, comparable)
          .map((other) => meanAt(other, report.step!))
          .filter((mean): mean is number => mean !== undefined)
        return others.length > 0 && course.best < median(others) ? 'stop' : 'continue'
      },
      restart: (trial) => void running.delete(trial),
    }
  }
}

/** Stops a trial after a number of consecutive reports without an improvement. */
export function patienceRule(given: PatienceOptions = {}): SchedulerFactory {
  const read = declaredPatience.read(given)
  return (): Scheduler => {
    const running = new Map<number, { best: number; stale: number }>()
    return {
      report(trial, report) {
        if (report.step === undefined) {
          if (report.ended) running.delete(trial)
          return 'continue'
        }
        const value = comparedValue(report, read)
        if (value === undefined) return 'continue'
        const course = running.get(trial) ?? { best: Number.NEGATIVE_INFINITY, stale: 0 }
        running.set(trial, course)
        const isBetter = value > course.best + (course.best === Number.NEGATIVE_INFINITY ? 0 : read.minDelta)
        if (isBetter) course.best = value
        course.stale = isBetter ? 0 : course.stale + 1
        return course.stale >= read.reports ? 'stop' : 'continue'
      },
      restart: (trial) => void running.delete(trial),
    }
  }
}
