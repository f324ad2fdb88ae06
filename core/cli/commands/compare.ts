import { compareStudies, type StudyComparison, type StudyGroup } from '../../analysis/compare.ts'
import { readRecord } from '../../study/record.ts'
import type { Studies } from '../../study/studies.ts'
import { error } from '../errors.ts'
import type { Output } from '../output.ts'
import { numberText, tableText } from '../text.ts'

export interface CompareFlags {
  /** Returns where a study is looked up; a study may be named by its path. */
  readonly place: (study: string) => Promise<{ readonly studies: Studies; readonly name: string }>
  readonly metric?: string | undefined
  readonly csv: boolean
  readonly output: Output
}

/** The studies of one argument: names separated by commas, in which `*` stands for any characters. */
async function groupOf(argument: string, { place }: Pick<CompareFlags, 'place'>): Promise<StudyGroup> {
  const studies = []
  for (const part of argument.split(',')) {
    const { studies: all, name } = await place(part)
    const pattern = new RegExp(
      `^${name
        .split('*')
        .map((piece) => piece.replace(/[.+^${}()|[\]\\]/g, '\\$&'))
        .join('.*')}$`,
    )
    const known = name.includes('*') ? await all.list() : [name]
    const found = known.filter((each) => pattern.test(each))
    if (found.length === 0) throw error('ARCHLOOM_COMPARE_NOTHING', { pattern: part, known: await all.list() })
    for (const each of found) {
      const store = await all.open(each)
      studies.push(await readRecord(store))
      await store.close()
    }
  }
  return { name: argument, studies }
}

/** `archloom compare <study...>`: best values, curves with confidence bands, rank tests. */
export async function compare(names: readonly string[], given: CompareFlags): Promise<number> {
  const { metric, csv, output } = given
  const groups: StudyGroup[] = []
  for (const name of names) groups.push(await groupOf(name, given))
  const result = compareStudies(groups, metric === undefined ? {} : { metric })
  output.log(csv ? curvesAsCsv(result) : asText(result))
  output.result(result)
  return 0
}

const pText = (p: number) => (p < 1e-3 ? p.toExponential(1) : p.toFixed(3))

function asText({ metric, direction, groups, pairs }: StudyComparison): string {
  const band = (low: number, high: number) => (Number.isNaN(low) ? '' : `${numberText(low)} to ${numberText(high)}`)
  const best = tableText(
    ['group', 'studies', 'trials', `best ${metric}`, 'sd', '95 % interval of the mean'],
    groups.map(({ name, studies, trials, best: { mean, sd, low, high } }) => [
      name,
      String(studies.length),
      String(trials),
      numberText(mean),
      Number.isNaN(sd) ? '' : numberText(sd),
      band(low, high),
    ]),
  )
  const steps = Math.min(...groups.map(({ curve }) => curve.length))
  const marks = [...new Set([10, 20, 50, 100, 200, 500, 1000].filter((mark) => mark < steps)), steps]
  const curve = tableText(
    [`${metric} after`, ...groups.map(({ name }) => name)],
    marks.map((mark) => [
      String(mark),
      ...groups.map((group) => {
        const { mean, low, high } = group.curve[mark - 1]!
        return Number.isNaN(mean) ? '' : `${numberText(mean)}${Number.isNaN(low) ? '' : ` (${band(low, high)})`}`
      }),
    ]),
  )
  const tests = tableText(
    ['pair', 'samples', 'first is better', 'Mann-Whitney p', 'Holm p', 'Wilcoxon p'],
    pairs.map(({ groups: [a, b], sample, superiority, mannWhitney, corrected, wilcoxon }) => [
      `${a} against ${b}`,
      sample === 'best' ? 'best of each study' : 'all trials',
      `${(100 * superiority).toFixed(1)} %`,
      pText(mannWhitney.pValue),
      pText(corrected),
      wilcoxon ? pText(wilcoxon.pValue) : '',
    ]),
  )
  return `${direction} ${metric}\n\n${best}\n\n${curve}\n\n${tests}`
}

/** The curves as CSV: group, trials, studies, mean, sd, low, high, with one row per number of trials. */
const curvesAsCsv = ({ groups }: StudyComparison): string => {
  const cell = (text: string) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)
  const rows = groups.flatMap(({ name, curve }) =>
    curve.map(({ count, mean, sd, low, high }, i) =>
      [cell(name), i + 1, count, ...[mean, sd, low, high].map((value) => (Number.isNaN(value) ? '' : value))].join(','),
    ),
  )
  return ['group,trials,studies,mean,sd,low,high', ...rows].join('\n')
}
