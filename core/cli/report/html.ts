import { createHash } from 'node:crypto'
import type { StudyRecord } from '../../study/record.ts'
import type { Trial } from '../../trial/trial.ts'
import { VERSION } from '../../version.ts'
import { durationText, numberText } from '../text.ts'
import { escapeText, type Figure } from './figures.ts'

const STYLE = `
:root { color-scheme: light dark; font: 15px/1.45 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 60rem; padding: 1.5rem; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { border-bottom: 1px solid #8885; padding: 0.25rem 0.75rem 0.25rem 0; text-align: left; vertical-align: top; }
td.number { font-variant-numeric: tabular-nums; text-align: right; }
code, pre { font: 13px/1.4 ui-monospace, monospace; overflow-wrap: anywhere; white-space: pre-wrap; }
figure { margin: 1.5rem 0; }
figure svg { height: auto; max-width: 100%; }
figcaption { opacity: 0.8; }
`
const styleHash = createHash('sha256').update(STYLE).digest('base64')

const rowsOf = (rows: readonly (readonly [string, string])[]) =>
  rows
    .map(([name, value]) => `<tr><th scope="row">${escapeText(name)}</th><td>${escapeText(value)}</td></tr>`)
    .join('\n')

function bestRows(study: StudyRecord, top: number): string {
  const best = study.best(top)
  if (best.length === 0) return '<p>No feasible trial has completed.</p>'
  const objectives = study.state.objectives.map(({ metric }) => metric)
  const others = Object.keys(best[0]!.metrics).filter((name) => !objectives.includes(name))
  const metrics = [...objectives, ...others]
  const head = ['trial', ...metrics, 'took', 'architecture']
  const cell = (text: string) => `<td class="number">${escapeText(text)}</td>`
  const body = best.map(
    ({ trial, metrics: values, elapsedMs = 0, architecture }) =>
      `<tr>${cell(String(trial))}${metrics
        .map((name) => cell(values[name] === undefined ? '' : numberText(values[name])))
        .join(
          '',
        )}${cell(durationText(elapsedMs))}<td><code>${escapeText(JSON.stringify(architecture))}</code></td></tr>`,
  )
  return `<table>\n<thead><tr>${head.map((name) => `<th scope="col">${escapeText(name)}</th>`).join('')}</tr></thead>
<tbody>\n${body.join('\n')}\n</tbody></table>`
}

/** How many failures with the same reason are shown with their stacks. */
const SHOWN = 5

function failures(study: StudyRecord): string {
  const byReason = new Map<string, Trial[]>()
  for (const trial of study.trials)
    if (trial.failure) byReason.set(trial.failure.reason, [...(byReason.get(trial.failure.reason) ?? []), trial])
  if (byReason.size === 0) return '<p>No trial failed.</p>'
  return [...byReason]
    .map(([reason, trials]) => {
      const shown = trials.slice(-SHOWN).map(({ trial, failure }) => {
        const text = failure!.stack ?? `${failure!.code}: ${failure!.message}`
        return `<details><summary>trial ${trial}: ${escapeText(failure!.message)}</summary><pre>${escapeText(text)}</pre></details>`
      })
      const rest = trials.length > SHOWN ? `<p>The last ${SHOWN} of them are shown.</p>` : ''
      return `<h3>${escapeText(reason)}: ${trials.length}</h3>\n${rest}${shown.join('\n')}`
    })
    .join('\n')
}

/** A study as one HTML document that loads nothing and runs nothing. */
export function reportHtml(study: StudyRecord, figures: readonly Figure[], top: number): string {
  const { started, state, name } = study
  const facts: [string, string][] = [
    ['space', `${started.space.name}, ${started.space.decisions.length} decisions`],
    ...Object.entries(started.parts),
    ...started.objectives.map(({ metric, direction, atMost, atLeast }): [string, string] => [
      'objective',
      [
        `${direction} ${metric}`,
        ...(atMost === undefined ? [] : [`at most ${numberText(atMost)}`]),
        ...(atLeast === undefined ? [] : [`at least ${numberText(atLeast)}`]),
      ].join(', '),
    ]),
    ['seed', String(started.seed)],
    ['status', `${state.status}${state.reason === undefined ? '' : ` (${state.reason})`}`],
    ['trials', `${state.completed} completed, ${state.pruned} pruned, ${state.failed} failed`],
    ['time', `${durationText(state.elapsedMs)} in ${state.sessions} session${state.sessions === 1 ? '' : 's'}`],
    ['begun', new Date(state.startedAt).toISOString()],
    ['archloom', `${started.archloom}; report by ${VERSION}`],
  ]
  const drawn = figures.map(
    ({ svg, caption }) => `<figure>\n${svg}<figcaption>${escapeText(caption)}</figcaption>\n</figure>`,
  )
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-${styleHash}'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeText(name)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escapeText(name)}</h1>
<table>
${rowsOf(facts)}
</table>
<h2>Course</h2>
${drawn.join('\n')}
<h2>Best</h2>
${bestRows(study, top)}
<h2>Failures</h2>
${failures(study)}
</body>
</html>
`
}
