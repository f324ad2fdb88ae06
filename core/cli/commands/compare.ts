import { compareStudies, type StudyComparison, type StudyGroup } from '../../analysis/compare.ts'
import type { Summary } from '../../analysis/curves.ts'
import { readRecord } from '../../study/record.ts'
import type { Studies } from '../../study/studies.ts'
import { error } from '../errors.ts'
import type { Output } from '../output.ts'
import { numberText, tableText } from '../text.ts'

export interface CompareFlags {
  /** Returns where a study is looked up; a study may be named by its path. */
  readonly place: (study: string) => Promise<{ readonly studies: Studies; readonly name: string }>
  readonly metric?: string | undefined
  readonly direction?: 'maximise' | 'minimise' | undefined
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
  const { metric, direction, csv, output } = given
  const groups: StudyGroup[] = []
  for (const name of names) groups.push(await groupOf(name, given))
  const result = compareStudies(groups, { ...(metric !== undefined && { metric }), ...(direction && { direction }) })
  output.log(csv ? curvesAsCsv(result) : asText(result))
  output.result(result)
  return 0
}

const pText = (p: number) => (p < 1e-3 ? p.toExponential(1) : p.toFixed(3))

const band = ({ low, high }: Summary) => (Number.isNaN(low) ? '' : `[${numberText(low)}, ${numberText(high)}]`)

/** What the intervals and samples of few studies do not say. */
function notesOn({ metric, groups, pairs }: StudyComparison): readonly string[] {
  const single = groups.filter(({ best }) => best.count === 1).map(({ name }) => name)
  // Student's t knows no limit of a metric, and with two or three studies its intervals are wide.
  const wide = groups.filter(({ best: { mean, low, high } }) => (mean > 0 && low < 0) || (mean < 0 && high > 0))
  return [
    ...(single.length > 0
      ? [`${single.join(', ')}: one study, so there is no deviation and no interval. Repeat it with other seeds.`]
      : []),
    ...(pairs.some(({ sample }) => sample === 'trials')
      ? [
          'all trials: one of the two groups has a single study, so the test compares the values of their trials, not the best values that the methods find.',
        ]
      : []),
    ...wide.map(
      ({ name, best: { count } }) =>
        `${name}: the interval reaches across 0, although the mean ${metric} does not say so: ${count} studies that differ this much are too few. Add seeds.`,
    ),
  ]
}

function asText(comparison: StudyComparison): string {
  const { metric, direction, groups, pairs } = comparison
  const best = tableText(
    ['group', 'studies', 'trials', `mean of best ${metric}`, 'sd', '95 % interval of the mean'],
    groups.map(({ name, studies, trials, best: summary }) => [
      name,
      String(studies.length),
      String(trials),
      numberText(summary.mean),
      Number.isNaN(summary.sd) ? '' : numberText(summary.sd),
      band(summary),
    ]),
  )
  const steps = Math.min(...groups.map(({ curve }) => curve.length))
  const marks = [...new Set([10, 20, 50, 100, 200, 500, 1000].filter((mark) => mark < steps)), steps]
  const curve = tableText(
    [`${metric} after`, ...groups.map(({ name }) => name)],
    marks.map((mark) => [
      String(mark),
      ...groups.map((group) => {
        const summary = group.curve[mark - 1]!
        return Number.isNaN(summary.mean) ? '' : `${numberText(summary.mean)} ${band(summary)}`.trimEnd()
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
  return [`${direction} ${metric}`, best, curve, tests, ...notesOn(comparison)].join('\n\n')
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
