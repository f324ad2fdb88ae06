import type { Scheduler, SchedulerFactory, SchedulerReport } from '../../core/index.ts'
import { among, number, type OptionsOf, options, text, whole } from '../../core/options/index.ts'

const metric = text({
  absent: 'the reward, where the reports hold every objective',
  doc: 'The reported number that is compared.',
})
const direction = among(['maximise', 'minimise'], {
  default: 'maximise',
  doc: 'Which values of `metric` are better. The reward is always maximised.',
})
export const declaredMedian = options('medianStopping', {
  metric,
  direction,
  startUpTrials: whole({ min: 1, default: 5, doc: 'Trials that must have completed before any is stopped.' }),
  warmUpSteps: number({ min: 0, default: 0, doc: 'No trial is stopped at this step or before.' }),
})
export type MedianStoppingOptions = OptionsOf<typeof declaredMedian>
export const declaredPatience = options('patience', {
  metric,
  direction,
  reports: whole({ min: 1, default: 5, doc: 'Reports without an improvement after which a trial is stopped.' }),
  minDelta: number({ min: 0, default: 0, doc: 'Smallest change that counts as an improvement.' }),
})
export type PatienceOptions = OptionsOf<typeof declaredPatience>

/** What is compared, larger being better; undefined where the report does not say. */
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
 * The median stopping rule (Golovin et al. 2017): a trial is stopped at a step where its best value so far lies below the
 * median of the completed trials' mean values up to that step.
 */
export function medianRule(given: MedianStoppingOptions = {}): SchedulerFactory {
  const read = declaredMedian.read(given)
  const { startUpTrials, warmUpSteps } = read
  return (): Scheduler => {
    type Course = { steps: number[]; means: number[]; sum: number; best: number }
    const running = new Map<number, Course>()
    const completed: Course[] = []
    /** Mean of a course up to a step. */
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
      report(trial, report) {
        if (report.step === undefined) {
          const course = running.get(trial)
          if (report.ended && report.reward !== undefined && course) completed.push(course)
          if (report.ended) running.delete(trial)
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
        if (completed.length < startUpTrials || report.step <= warmUpSteps) return 'continue'
        const others = completed
          .map((other) => meanAt(other, report.step!))
          .filter((mean): mean is number => mean !== undefined)
        return others.length > 0 && course.best < median(others) ? 'stop' : 'continue'
      },
      restart: (trial) => void running.delete(trial),
    }
  }
}

/** A trial is stopped after so many reports in a row that brought no improvement. */
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
