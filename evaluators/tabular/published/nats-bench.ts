import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf, quote } from '../../../core/errors.ts'
import { error } from '../errors.ts'
import { bunzip2 } from './bzip2.ts'
import { isObject, mean } from './objects.ts'
import { type Unpickled, unpickle } from './pickle.ts'
import type { TableRow } from './rows.ts'

type Fields = Readonly<Record<string, unknown>>

/** Trainings of a data set, and the names of its evaluations that choose and that are reported. */
interface Split {
  readonly trained: string
  readonly evaluated: string
}
interface Source {
  readonly validation: Split
  readonly test: Split
}
const ownSplits = (trained: string): Source => ({
  validation: { trained, evaluated: 'x-valid' },
  test: { trained, evaluated: 'x-test' },
})
/** As the benchmark defines them: validation figures of CIFAR-10 come from trainings on half of its training images. */
const sources: Readonly<Record<string, Source>> = {
  cifar10: {
    validation: { trained: 'cifar10-valid', evaluated: 'x-valid' },
    test: { trained: 'cifar10', evaluated: 'ori-test' },
  },
  cifar100: ownSplits('cifar100'),
  'ImageNet16-120': ownSplits('ImageNet16-120'),
}

function read(path: string): Unpickled {
  const bytes = readFileSync(path)
  const isPacked = bytes[0] === 0x42 && bytes[1] === 0x5a && bytes[2] === 0x68
  try {
    return unpickle(isPacked ? bunzip2(bytes) : bytes, path)
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause
    const received = `${bytes.length} bytes that cannot be unpacked (${messageOf(cause)})`
    throw error('ARCHLOOM_TABLE_CORRUPT', { path, received, expected: 'a complete bzip2 file' }, { cause })
  }
}

/** The architectures of a published file or folder: for each the results by the training's hyperparameters. */
function* architectures(path: string): Generator<{ readonly from: string; readonly trainings: Fields }> {
  const refuse = (from: string, received: string) =>
    error('ARCHLOOM_TABLE_CORRUPT', { path: from, received, expected: 'results of architectures of NATS-Bench' })
  const all = function* (from: string, values: Unpickled) {
    if (!isObject(values)) throw refuse(from, quote(values, 60))
    yield { from, trainings: values }
  }
  if (!statSync(path).isDirectory()) {
    const whole = read(path)
    if (!isObject(whole) || !isObject(whole.arch2infos)) throw refuse(path, 'no arch2infos')
    for (const infos of Object.values(whole.arch2infos)) yield* all(path, infos as Unpickled)
    return
  }
  const files = readdirSync(path)
    .filter((name) => /^\d+\.pickle(\.pbz2)?$/.test(name))
    .sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10))
  if (files.length === 0) throw refuse(path, 'no file such as 000000.pickle.pbz2')
  for (const name of files) yield* all(join(path, name), read(join(path, name)))
}

/**
 * The published results of NATS-Bench (Dong et al. 2021), topology and size, as rows: the folder `NATS-…-simple` of one file
 * per architecture, or the one file `NATS-….pickle.pbz2`. An architecture is its text (`|nor_conv_3x3~0|+…`, `8:8:16:64:64`).
 * `validationAccuracy` is meant to choose, `testAccuracy` to be reported; both, with `trainAccuracy`, are means of the
 * repetitions, in [0, 1], at the end of the training. `seconds` is the time of the training and of one validation. Each of
 * the benchmark's schedules (1, 12 and 90 epochs; 12 and 200) is a training of its own; the fidelity is its share of the
 * longest. Errors: ARCHLOOM_TABLE_CORRUPT, ARCHLOOM_TABLE_DATASET_UNKNOWN.
 */
export function natsBenchRows(path: string, dataset = 'cifar10'): readonly TableRow[] {
  const source = Object.hasOwn(sources, dataset) ? sources[dataset]! : undefined
  if (!source)
    throw error('ARCHLOOM_TABLE_DATASET_UNKNOWN', {
      table: 'NATS-Bench',
      received: dataset,
      known: Object.keys(sources),
    })
  const rows: (TableRow & { readonly epochs: number })[] = []
  for (const { from, trainings } of architectures(path)) {
    const own = Object.values(trainings).flatMap((results) => rowOf(results, source, from) ?? [])
    rows.push(...own.sort((a, b) => a.epochs - b.epochs))
  }
  if (rows.length === 0)
    throw error('ARCHLOOM_TABLE_CORRUPT', {
      path,
      received: `no training on ${dataset}`,
      expected: `results on ${dataset}`,
    })
  const longest = rows.reduce((most, { epochs }) => Math.max(most, epochs), 0)
  return rows.map(({ epochs, ...row }) => ({ ...row, fidelity: epochs / longest }))
}

function rowOf(results: unknown, { validation, test }: Source, path: string) {
  const refuse = (received: string, expected: string) => error('ARCHLOOM_TABLE_CORRUPT', { path, received, expected })
  const fieldsOf = (value: unknown, name: string): Fields => {
    if (!isObject(value)) throw refuse(`no ${name}`, `a dictionary ${name}`)
    return value
  }
  const numberAt = (fields: Fields, name: string, where: string) => {
    const value = fields[name]
    if (typeof value !== 'number' || !Number.isFinite(value))
      throw refuse(`no number ${name} in ${where}`, 'a finite number')
    return value
  }
  const { arch_str: architecture, dataset_seed, all_results } = fieldsOf(results, 'results of a training')
  if (typeof architecture !== 'string') throw refuse('an architecture without arch_str', 'the text of an architecture')
  const seeds = fieldsOf(dataset_seed, 'dataset_seed')
  const all = fieldsOf(all_results, 'all_results')
  const runsOf = (trained: string) => {
    const of = seeds[trained]
    if (!Array.isArray(of)) return []
    // A pair as key, read as its members joined by a comma.
    return of.map((seed) => fieldsOf(all[`${trained},${seed}`], `result of ${trained} with seed ${seed}`))
  }
  const [chosen, reported] = [runsOf(validation.trained), runsOf(test.trained)]
  if (chosen.length === 0 || reported.length === 0) return undefined
  const epochs = numberAt(chosen[0]!, 'epochs', architecture)
  const last = (of: Fields, field: string, name: string) => {
    const value = numberAt(fieldsOf(of[field], field), name, `${field} of ${architecture}`)
    if (value < 0 || value > 100) throw refuse(`${field} ${value} of ${architecture}`, 'percentages')
    return value / 100
  }
  const evaluated = (runs: readonly Fields[], { evaluated: name }: Split) =>
    mean(runs.map((run) => last(run, 'eval_acc1es', `${name}@${epochs - 1}`)))
  const timesOf = (of: Fields, field: string) =>
    isObject(of[field])
      ? Object.entries(of[field]).map(([key]) => numberAt(of[field] as Fields, key, field))
      : undefined
  const secondsOf = (run: Fields) => {
    const training = timesOf(run, 'train_times')
    const validating = isObject(run.eval_times) ? run.eval_times[`${validation.evaluated}@${epochs - 1}`] : undefined
    if (!training || training.length === 0) return undefined
    return training.reduce((sum, each) => sum + each, 0) + (typeof validating === 'number' ? validating : 0)
  }
  const seconds = chosen.map(secondsOf)
  const [first] = reported
  return {
    architecture,
    epochs,
    ...(seconds.every((each) => each !== undefined) && { seconds: mean(seconds) }),
    metrics: {
      validationAccuracy: evaluated(chosen, validation),
      testAccuracy: evaluated(reported, test),
      trainAccuracy: mean(chosen.map((run) => last(run, 'train_acc1es', String(epochs - 1)))),
      // Written in millions.
      parameters: Math.round(1e6 * numberAt(first!, 'params', architecture)),
      multiplyAdds: Math.round(1e6 * numberAt(first!, 'flop', architecture)),
    },
  }
}
