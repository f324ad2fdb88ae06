import { readFileSync } from 'node:fs'
import { error } from '../errors.ts'
import { camel, isObject } from './objects.ts'
import type { TableRow } from './rows.ts'
import { readTorchFile } from './torch-file.ts'

/** `valid_top1` → `validationTop1`. */
const nameOf = (name: string) => camel(name.replace(/^valid_/, 'validation_'))

/** Seconds up to each epoch, from a running clock or from the time of each epoch. */
function upTo(times: readonly number[]): readonly number[] {
  if (times.every((time, i) => i === 0 || time >= times[i - 1]!)) return times
  let sum = 0
  return times.map((time) => {
    sum += time
    return sum
  })
}

/**
 * The published file of TransNAS-Bench-101 (Duan et al. 2021), `transnas-bench_v10141024.pth`, as rows: every epoch of the
 * training of every architecture (`64-41414-1_02_333` of the micro and `64-1234-basic` of the macro space) on one task. A
 * metric keeps the benchmark's unit; of its names, `validationTop1`, `validationSsim`, … are meant to choose, and `testTop1`,
 * `testSsim`, … to be reported. The fidelity is the epoch's share of the training, `seconds` the time up to it.
 * Errors: ARCHLOOM_TABLE_CORRUPT, ARCHLOOM_TABLE_DATASET_UNKNOWN.
 */
export function transNasBenchRows(path: string, task = 'class_scene'): readonly TableRow[] {
  const refuse = (received: string) =>
    error('ARCHLOOM_TABLE_CORRUPT', {
      path,
      received,
      expected: 'data → search space → architecture → task → metrics and model_info',
    })
  const whole = readTorchFile(readFileSync(path), path)
  if (!isObject(whole) || !isObject(whole.data)) throw refuse('no data')
  const tasks = Array.isArray(whole.task_list) ? whole.task_list.map(String) : []
  if (!tasks.includes(task))
    throw error('ARCHLOOM_TABLE_DATASET_UNKNOWN', { table: 'TransNAS-Bench-101', received: task, known: tasks })
  return Object.values(whole.data).flatMap((space) => {
    if (!isObject(space)) throw refuse('a search space without architectures')
    return Object.entries(space).flatMap(([architecture, results]) => {
      const result = isObject(results) ? results[task] : undefined
      if (!isObject(result) || !isObject(result.metrics)) throw refuse(`no metrics of ${architecture} on ${task}`)
      const numbersOf = (name: string, values: unknown): readonly number[] => {
        const isList =
          Array.isArray(values) && values.every((each) => typeof each === 'number' && Number.isFinite(each))
        if (!isList) throw refuse(`no list of numbers ${name} of ${architecture} on ${task}`)
        return values
      }
      const { time_elapsed: times, ...metrics } = result.metrics
      const columns = Object.entries(metrics).map(([name, values]) => [nameOf(name), numbersOf(name, values)] as const)
      const epochs = columns[0]?.[1].length ?? 0
      if (epochs === 0 || columns.some(([, values]) => values.length !== epochs))
        throw refuse(`metrics of ${architecture} of different lengths`)
      const seconds = times === undefined ? undefined : upTo(numbersOf('time_elapsed', times))
      const facts = Object.entries(isObject(result.model_info) ? result.model_info : {}).map(([name, value]) => {
        if (typeof value !== 'number' || !Number.isFinite(value)) throw refuse(`no number ${name} of ${architecture}`)
        return [camel(name), value] as const
      })
      return Array.from(
        { length: epochs },
        (_, epoch): TableRow => ({
          architecture,
          fidelity: (epoch + 1) / epochs,
          ...(seconds?.[epoch] !== undefined && { seconds: seconds[epoch] }),
          metrics: Object.fromEntries([...columns.map(([name, values]) => [name, values[epoch]!] as const), ...facts]),
        }),
      )
    })
  })
}
