import type { TrialCourse, TrialDetail } from '../protocol.ts'
import { ArchitectureDrawings } from './architecture/drawing.tsx'
import { useAnswer } from './asking.ts'
import { durationText, metricLabel, numberText, timeText, wireText } from './format.ts'
import { Legend } from './legend.tsx'
import { LineChart } from './line-chart.tsx'
import { Badge, Card, Empty, Fact, Problem, Scroller, Source } from './parts.tsx'
import { studyPath } from './route.ts'
import type { Known } from './study.tsx'

/** One trial: what it is, how it went, and its architecture. */
export function TrialPage({ study, standing, trial, seq }: Known & { readonly trial: string }) {
  const path = `/api${studyPath(study, 'trials', trial)}`
  const { data, problem } = useAnswer<TrialDetail>(path, standing.status === 'running' ? seq : 0)
  const isOpen = data !== undefined && ['running', 'waiting', 'paused'].includes(data.status)
  const course = useAnswer<TrialCourse>(`${path}/course`, isOpen ? seq : (data?.status ?? ''))
  if (problem) return <Problem text={problem} />
  if (!data) return <p class="muted">Reading the trial …</p>
  const bounds = data.objectives.filter(({ atMost, atLeast }) => atMost !== undefined || atLeast !== undefined)
  return (
    <>
      <div class="heading">
        <h2>Trial {data.trial}</h2>
        <Badge status={data.status} />
        {data.isOnFront && data.objectives.length > 1 && <span class="badge badge-best">on the front</span>}
        {standing.best?.trial === data.trial && <span class="badge badge-best">best so far</span>}
        <nav class="steps" aria-label="Neighbouring trials">
          {data.trial > 0 && <a href={studyPath(study, 'trials', data.trial - 1)}>← trial {data.trial - 1}</a>}
          {data.trial + 1 < data.trials && (
            <a href={studyPath(study, 'trials', data.trial + 1)}>trial {data.trial + 1} →</a>
          )}
        </nav>
      </div>
      <dl class="facts">
        {Object.entries(data.metrics).map(([name, value]) => (
          <Fact key={name} name={metricLabel(name)}>
            {wireText(value)}
          </Fact>
        ))}
        {data.reward !== undefined && <Fact name="Reward">{wireText(data.reward)}</Fact>}
        {bounds.length > 0 && data.feasible !== undefined && (
          <Fact name="Bounds">{data.feasible ? 'kept' : `exceeded by ${wireText(data.violation)} of the bound`}</Fact>
        )}
        {data.elapsedMs !== undefined && <Fact name="Time">{durationText(data.elapsedMs)}</Fact>}
        <Fact name="Attempts">{data.attempts}</Fact>
        {data.prunedBy && <Fact name="Pruned by">{data.prunedBy}</Fact>}
        <Fact name="Seed">{data.seed}</Fact>
      </dl>
      <div class="grid">
        {data.failure && (
          <Card title={`Failed: ${data.failure.reason}`} wide>
            <p>
              <code>{data.failure.code}</code> {data.failure.message}
            </p>
            {data.failure.stack && <Source>{data.failure.stack}</Source>}
          </Card>
        )}
        <Card title="Architecture" wide>
          <ArchitectureDrawings architecture={data.architecture} />
          <details open={data.decisions.length <= 12}>
            <summary>{data.decisions.length} decisions</summary>
            <Scroller label="Decisions">
              <table class="rows">
                <thead>
                  <tr>
                    <th scope="col">Decision</th>
                    <th scope="col">Value</th>
                  </tr>
                </thead>
                <tbody>
                  {data.decisions.map((name, i) => (
                    <tr key={name}>
                      <th scope="row">
                        <code>{name}</code>
                      </th>
                      <td>{data.values[i]}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </Scroller>
          </details>
          <details>
            <summary>As JSON</summary>
            <Source>{JSON.stringify(data.architecture, null, 2)}</Source>
          </details>
          <p class="small muted">
            Genotype <code>{data.text}</code>
          </p>
        </Card>
        <Card title="Curves" wide>
          <Curves course={course.data} problem={course.problem} />
        </Card>
        {data.rungs.length > 1 && (
          <Card title="Rungs">
            <Rungs rungs={data.rungs} />
          </Card>
        )}
        <Card title="Log" wide={data.rungs.length <= 1}>
          {course.data?.log.length === 0 && <Empty>The journal holds no event of this trial.</Empty>}
          <Scroller class="log" label="Log of the trial">
            <ol class="activity">
              {course.data?.log.map((line) => (
                <li key={line.seq}>
                  <time>{timeText(line.at)}</time>
                  <span>
                    <code>{line.type}</code> {line.text}
                  </span>
                </li>
              ))}
            </ol>
          </Scroller>
        </Card>
      </div>
    </>
  )
}

/** Metrics by step, one chart per metric. */
function Curves({
  course,
  problem,
}: {
  readonly course: TrialCourse | undefined
  readonly problem: string | undefined
}) {
  if (problem) return <Problem text={problem} />
  if (!course) return <div class="placeholder" />
  const names = [...new Set(course.curve.flatMap(({ metrics }) => Object.keys(metrics)))].slice(0, 8)
  if (names.length === 0)
    return <Empty>The evaluator reported nothing on the way. context.report() draws a curve.</Empty>
  const rungs = [...new Set(course.curve.map(({ rung }) => rung))]
  const x = [...new Set(course.curve.map(({ step }) => step))].sort((a, b) => a - b)
  const place = new Map(x.map((step, i) => [step, i]))
  return (
    <>
      {rungs.length > 1 && (
        <Legend
          items={rungs.map((rung, i) => ({ mark: 'line', color: `series-${(i % 6) + 1}`, text: `rung ${rung}` }))}
        />
      )}
      <div class="small-charts">
        {names.map((name) => {
          const lines = rungs.map((rung) => {
            const line = new Array<number | null>(x.length).fill(null)
            for (const point of course.curve) {
              const value = point.metrics[name]
              if (point.rung === rung && typeof value === 'number') line[place.get(point.step)!] = value
            }
            return line
          })
          return (
            <LineChart
              key={name}
              x={x}
              lines={lines}
              names={rungs.map((rung) => (rungs.length > 1 ? `rung ${rung}` : name))}
              xLabel="step"
              yLabel={metricLabel(name)}
              isWhole
              label={`${name} by step`}
            />
          )
        })}
      </div>
    </>
  )
}

function Rungs({ rungs }: { readonly rungs: TrialDetail['rungs'] }) {
  const names = [...new Set(rungs.flatMap(({ metrics }) => Object.keys(metrics)))]
  return (
    <Scroller label="Rungs">
      <table class="rows">
        <thead>
          <tr>
            <th scope="col" class="number">
              Rung
            </th>
            <th scope="col" class="number">
              Fidelity
            </th>
            {names.map((name) => (
              <th scope="col" class="number" key={name}>
                {name}
              </th>
            ))}
            <th scope="col" class="number">
              Time
            </th>
          </tr>
        </thead>
        <tbody>
          {rungs.map(({ rung, fidelity, metrics, elapsedMs }) => (
            <tr key={rung}>
              <th scope="row" class="number">
                {rung}
              </th>
              <td class="number">{numberText(fidelity)}</td>
              {names.map((name) => (
                <td class="number" key={name}>
                  {wireText(metrics[name])}
                </td>
              ))}
              <td class="number">{elapsedMs === undefined ? '' : durationText(elapsedMs)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroller>
  )
}
