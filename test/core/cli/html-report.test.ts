import { createHash } from 'node:crypto'
import { readRecord } from 'archloom'
import { expect, it } from 'vitest'
import { widthOf } from '../../../core/cli/output.ts'
import { escapeText, figuresOf, regretChart } from '../../../core/cli/report/figures.ts'
import { reportHtml } from '../../../core/cli/report/html.ts'
import { statusLine } from '../../../core/cli/status-line.ts'
import { eventfulStore, HOSTILE } from '../../plugins/eventful-study.ts'
import { recorder } from './terminal.ts'

const study = await readRecord(await eventfulStore(HOSTILE))
const figures = figuresOf(study)

it('a report has hostile texts escaped, no script, and the one style that its policy allows', () => {
  const html = reportHtml(study, figures, 5)
  const tags = html.match(/<[^>]*>/g)!
  expect(tags.filter((tag) => /^<(script|img|link)|\s(on\w+|style|src|href)=/i.test(tag))).toEqual([])
  expect(html).toContain(escapeText(`no luck: ${HOSTILE}`))
  const style = /<style>([\s\S]*?)<\/style>/.exec(html)![1]!
  const hash = createHash('sha256').update(style).digest('base64')
  expect(html).toContain(`default-src 'none'; style-src 'sha256-${hash}'`)
  expect(html).toContain('error: 1')
  expect(html.match(/<svg /g)).toHaveLength(figures.length)
})

it('figures: the course, the regret, and the front of two objectives with its bound', () => {
  expect(figures.map(({ name }) => name)).toEqual(['progress', 'pareto'])
  const pareto = figures[1]!.svg
  // Trials 0 and 4 are on the front, trial 3 is out of bounds.
  expect(pareto.match(/r="5" fill="#d1495b"><title>trial (\d)/g)!.map((found) => found.at(-1))).toEqual(['0', '4'])
  expect(pareto).toMatch(/r="3" fill="none" stroke="#7aa6d8"><title>trial 3/)
  expect(pareto).toContain('stroke-dasharray')
  expect(pareto).not.toMatch(/NaN|Infinity/)
  const regret = regretChart(study, { ...study.state.objectives[0]!, target: 0.85 })!
  // 0.85 − 0.75 lies on the lowest decade, and trial 0 is the best to the end.
  expect(regret).toContain('distance from the target 0.8500')
  expect(regret).toMatch(/<path d="M84\.0 358\.0H832\.0"/)
})

it('a terminal that reports 0 columns has lines of the usual width', () => {
  expect([widthOf({ columns: 0, write: () => 0 }, 100), widthOf({ write: () => 0 }, 80)]).toEqual([100, 80])
  const terminal = recorder({ isTTY: true, columns: 0 })
  using line = statusLine(terminal, { now: () => 1000 } as never)
  line.show('trial 3 of 9')
  expect(terminal.text).toBe('trial 3 of 9')
})
