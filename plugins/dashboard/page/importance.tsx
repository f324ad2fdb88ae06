import type { ImportanceAnswer } from '../protocol.ts'
import { useAnswer } from './asking.ts'
import { countText, plural } from './format.ts'
import { Card, Empty, Problem, Scroller, Select } from './parts.tsx'
import { go, studyPath, withQuery } from './route.ts'
import type { Known } from './study.tsx'

/** Decisions that are shown at first. */
const SHOWN = 25

const methods = [
  ['fanova', 'fANOVA'],
  ['ped-anova', 'PED-ANOVA'],
] as const

/** How much each decision matters to a metric. */
export function ImportancePage({ study, overview, standing, query }: Known & { readonly query: URLSearchParams }) {
  const metrics = [...new Set([...overview.objectives.map(({ metric }) => metric), ...overview.metrics])]
  const metric = metrics.find((each) => each === query.get('metric')) ?? metrics[0] ?? ''
  const [method] = methods.find(([name]) => name === query.get('method')) ?? methods[0]
  const asked = new URLSearchParams({ metric, method })
  // Asked again once a tenth more trials have completed: one trial more changes little.
  const version = `${standing.status} ${Math.floor(Math.log(1 + standing.completed) / Math.log(1.1))}`
  const { data, problem } = useAnswer<ImportanceAnswer>(`/api${studyPath(study, 'importance')}?${asked}`, version)
  return (
    <Card
      title="Importance of decisions"
      wide
      aside={
        <div class="fields">
          <Select
            label="Metric"
            value={metric}
            options={metrics}
            onChange={(value) => go(withQuery(query, { metric: value }), true)}
          />
          <Select
            label="Method"
            value={method}
            options={methods}
            onChange={(value) => go(withQuery(query, { method: value }), true)}
          />
        </div>
      }
    >
      {problem && <Problem text={problem} />}
      {data?.problem && <Empty>{data.problem}</Empty>}
      {data && data.decisions.length > 0 && <Shares {...data} study={study} />}
      {!data && !problem && <div class="placeholder" />}
    </Card>
  )
}

function Shares({ study, method, metric, direction, decisions, trials, total }: ImportanceAnswer & { study: string }) {
  const sum = decisions.reduce((all, { share }) => all + share, 0)
  const best = direction === 'maximise' ? 'largest' : 'smallest'
  return (
    <>
      <p class="muted">
        {method === 'fanova'
          ? `The share of the variance of ${metric} over the whole space that each decision explains by itself: ${percent(sum)} together. The rest lies in combinations of decisions, or is noise.`
          : `How much each decision differs between the tenth of the trials with the ${best} ${metric} and all trials, as a share of all such differences.`}
      </p>
      <p class="small muted">
        {trials < total ? (
          <>
            Computed from a random sample of {countText(trials)} of the {plural(total, 'completed trial')}, so that the
            answer comes at once. <code>archloom importance {study}</code> uses all of them.
          </>
        ) : (
          `Computed from ${plural(total, 'completed trial')}.`
        )}
      </p>
      <Bars decisions={decisions.slice(0, SHOWN)} label="Importance by decision" />
      {decisions.length > SHOWN && (
        <details>
          <summary>{plural(decisions.length - SHOWN, 'decision')} of less importance</summary>
          <Bars decisions={decisions.slice(SHOWN)} label="Importance of the other decisions" />
        </details>
      )}
    </>
  )
}

const percent = (share: number) => `${(100 * share).toFixed(1)} %`

const Bars = ({ decisions, label }: { readonly decisions: ImportanceAnswer['decisions']; readonly label: string }) => (
  <Scroller label={label}>
    <table class="rows bars">
      <thead>
        <tr>
          <th scope="col">Decision</th>
          <th scope="col" class="number">
            Share
          </th>
          <th scope="col" aria-label="Share as a bar" />
        </tr>
      </thead>
      <tbody>
        {decisions.map(({ name, share }) => (
          <tr key={name}>
            <th scope="row">
              <code>{name}</code>
            </th>
            <td class="number">{percent(share)}</td>
            <td>
              <svg width="100%" height="14" aria-hidden="true" class="ink-point">
                <rect width={`${Math.min(100, 100 * share)}%`} height="14" rx="2" fill="currentColor" />
              </svg>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  </Scroller>
)
