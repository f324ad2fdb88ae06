/** The section of a RESULTS.md that is written from a results file. */
import { inWords } from '../../reproduction.ts'
import { durationText } from '../text.ts'
import { type ComparisonResult, lastValues, type PartSummary } from './summary.ts'

const BEGIN = (paper: string) => `<!-- begin: written by \`npm run results -- ${paper}\` from results/medium.jsonl -->`
const END = '<!-- end -->'

const cell = (text: string) => text.replaceAll('|', '\\|')
const row = (cells: readonly string[]) => `| ${cells.map(cell).join(' | ')} |`
const table = (header: readonly string[], rows: readonly (readonly string[])[]) =>
  [row(header), row(header.map(() => '---')), ...rows.map(row)].join('\n')

/** Signed, with a true minus. */
const signed = (value: number, digits: number) => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(digits)}`
const proper = (text: string) => text.replaceAll(/(^|[\s(])-(?=\d)/g, '$1−')

function verdictRow({ comparison, difference, verdict }: ComparisonResult, digits: number): readonly string[] {
  const { claim, arm, control, metric, direction, published, effect } = comparison
  const { mean, error, seeds } = difference
  // Printed as a plain difference of the metric, whichever direction the claim has.
  const sign = direction === 'maximise' ? 1 : -1
  const figure = `${signed(sign * mean, digits)}${error === undefined ? '' : ` ± ${error.toFixed(digits)}`} (${seeds})`
  const expected =
    published !== null
      ? signed(sign * published, digits)
      : effect !== undefined
        ? `not published; ${signed(sign * effect, digits)} would matter`
        : 'not published'
  return [claim, `${arm} − ${control}, ${metric}`, figure, expected, `**${verdict}**`]
}

function partText({ part, lines, finished, units, seconds, comparisons }: PartSummary): string {
  const digits = new Map(part.metrics.map(({ name, digits: own = 2 }) => [name, own]))
  const rows = part.arms.flatMap((arm) => {
    const cells = part.metrics.map(({ name }) => {
      const values = [...lastValues(lines, arm, name).values()]
      return values.length === 0 ? '' : proper(`${inWords(values, digits.get(name))} (${values.length})`)
    })
    const own = new Map(lines.filter((line) => line.arm === arm).map((line) => [line.seed, line.seconds]))
    if (own.size === 0) return []
    const mean = [...own.values()].reduce((sum, value) => sum + value, 0) / own.size
    return [[arm, ...cells, mean.toFixed(0)]]
  })
  const whole = finished === units ? `All ${units} units are finished` : `${finished} of ${units} units are finished`
  return [
    `### ${part.title}`,
    '',
    part.setting,
    '',
    `${whole}; they took ${durationText(1000 * seconds)} of processor time.`,
    '',
    table(['arm', ...part.metrics.map(({ name }) => name), 'CPU seconds'], rows),
    ...(comparisons.length > 0
      ? [
          '',
          table(
            ['claim', 'difference of', 'mean ± standard error (seeds)', 'published', 'verdict'],
            comparisons.map((each) => verdictRow(each, digits.get(each.comparison.metric) ?? 2)),
          ),
        ]
      : []),
    '',
    `![${part.title}](results/medium-${part.name}.svg)`,
  ].join('\n')
}

/** The section between its begin and end marks. Parts without a finished unit are named at its end. */
export function sectionText(paper: string, summary: readonly PartSummary[]): string {
  const open = summary.filter(({ finished }) => finished === 0).map(({ part }) => part.title)
  return [
    BEGIN(paper),
    '',
    '## Medium scale',
    '',
    `\`npx archloom reproduce ${paper} --scale medium --resume\` runs what is not finished. Figures are means ± standard`,
    'deviations over seeds, with the number of seeds in brackets. Differences are paired by seed. A claim holds where the',
    'difference is more than two standard errors above 0; it does not hold where it is more than two below 0 or below the',
    'published effect; everything else, and everything with fewer than three seeds, is not measurable here.',
    '',
    ...summary.filter(({ finished }) => finished > 0).flatMap((part) => [partText(part), '']),
    ...(open.length > 0 ? [`Not run yet: ${open.join('; ')}.`, ''] : []),
    END,
  ].join('\n')
}

/** RESULTS.md with its section replaced, or added at its end. */
export function withSection(paper: string, document: string | undefined, section: string): string {
  const text = document ?? `# Results of ${paper}\n`
  const [from, to] = [text.indexOf(BEGIN(paper)), text.indexOf(END)]
  if (from === -1 || to < from) return `${text.trimEnd()}\n\n${section}\n`
  return `${text.slice(0, from)}${section}${text.slice(to + END.length)}`
}
