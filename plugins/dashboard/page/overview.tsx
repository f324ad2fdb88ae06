import type { Activity, Course, Failures, Plane } from '../protocol.ts'
import { useAnswer } from './asking.ts'
import { CourseChart } from './course-chart.tsx'
import { countText, durationText, numberText, timeText, wireText } from './format.ts'
import { LineChart } from './line-chart.tsx'
import { Card, Empty, Fact, Problem, Select, Source } from './parts.tsx'
import { PlaneChart } from './plane-chart.tsx'
import { go, studyPath, withQuery } from './route.ts'
import type { Known } from './study.tsx'

interface OverviewProps extends Known {
  readonly query: URLSearchParams
  readonly news: readonly Activity[]
}

/** How a study goes. */
export function OverviewPage({ study, overview, standing, seq, query, news }: OverviewProps) {
  const names = [...new Set([...overview.objectives.map(({ metric }) => metric), ...overview.metrics])]
  const metric = chosen(query.get('metric'), names, 0)
  const ended = standing.completed + standing.pruned + standing.failed
  const course = useAnswer<Course>(`/api${studyPath(study, 'course')}?metric=${encodeURIComponent(metric)}`, seq)
  const isShort = standing.elapsedMs < 180_000
  const seen = new Set(overview.activity.map((line) => line.seq))
  const activity = [...overview.activity, ...news.filter((line) => !seen.has(line.seq))].slice(-40).reverse()
  return (
    <>
      <Facts overview={overview} standing={standing} ended={ended} />
      <div class="grid">
        <Card
          title="Objective"
          aside={
            names.length > 1 && (
              <Select
                label="Metric"
                value={metric}
                options={names}
                onChange={(value) => go(withQuery(query, { metric: value }), true)}
              />
            )
          }
        >
          {course.problem && <Problem text={course.problem} />}
          {course.data && course.data.total + course.data.failed.length === 0 && (
            <Empty>No trial has ended yet. Points appear here as results arrive.</Empty>
          )}
          {course.data && course.data.total + course.data.failed.length > 0 && (
            <CourseChart study={study} course={course.data} />
          )}
          {!course.data && !course.problem && <div class="placeholder" />}
        </Card>
        {names.length > 1 && <PlaneCard study={study} names={names} seq={seq} query={query} />}
      </div>
      <div class="grid three">
        {overview.objectives.length > 1 && (
          <Card title="Hypervolume">
            {overview.hypervolume ? (
              <>
                <p class="muted small">
                  Share of the box between the worst feasible result and the best value of each objective that the front
                  dominates.
                </p>
                <LineChart
                  x={overview.hypervolume.trial}
                  lines={[overview.hypervolume.share]}
                  kind="steps"
                  isWhole
                  xLabel="trial"
                  yLabel="share dominated"
                  height={220}
                  label={`Hypervolume by trial, now ${numberText(overview.hypervolume.share.at(-1) ?? 0)}`}
                />
              </>
            ) : (
              <Empty>The hypervolume needs two feasible results on the front.</Empty>
            )}
          </Card>
        )}
        <Card title="Pace">
          {overview.rate.minutes.length > 0 ? (
            <LineChart
              x={isShort ? overview.rate.minutes.map((minutes) => 60 * minutes) : overview.rate.minutes}
              lines={[overview.rate.perMinute]}
              kind="bars"
              fromZero
              xLabel={isShort ? 'time [s]' : 'time [min]'}
              yLabel="trials per minute"
              height={220}
              label={`Trials per minute over the time of the study, ${numberText(standing.trialsPerMinute)} on average`}
            />
          ) : (
            <Empty>No trial has ended yet.</Empty>
          )}
        </Card>
        <Card title="Latest">
          {activity.length === 0 && <Empty>Nothing has happened yet.</Empty>}
          <ol class="activity" aria-label="Latest events">
            {activity.map((line) => (
              <li key={line.seq} class={`kind-${line.kind}`}>
                <time>{timeText(line.at)}</time>
                <span>
                  {line.trial !== undefined && <a href={studyPath(study, 'trials', line.trial)}>trial {line.trial}</a>}
                  {line.trial !== undefined && line.kind !== 'pruned' && ': '}
                  {line.kind === 'pruned' && ' '}
                  {line.text}
                  {line.kind === 'best' && <strong> · best so far</strong>}
                </span>
              </li>
            ))}
          </ol>
        </Card>
        {overview.warnings.length > 0 && (
          <Card title="Warnings">
            <ul class="plain">
              {overview.warnings.map(({ code, message, at }) => (
                <li key={`${at} ${message}`}>
                  <span class="muted">{timeText(at)}</span> <code>{code}</code> {message}
                </li>
              ))}
            </ul>
          </Card>
        )}
        <Card title="Failures">
          <FailureList study={study} failures={overview.failures} />
        </Card>
        <Card title="Set-up">
          <dl class="facts column">
            <Fact name="Space">
              {overview.space}, {overview.decisions.length} decisions
            </Fact>
            {Object.entries(overview.parts).map(([name, part]) => (
              <Fact key={name} name={name}>
                {part}
              </Fact>
            ))}
            {overview.objectives.map(({ metric: name, direction, atMost, atLeast, target }) => (
              <Fact key={name} name="Objective">
                {direction} {name}
                {atMost !== undefined && `, at most ${numberText(atMost)}`}
                {atLeast !== undefined && `, at least ${numberText(atLeast)}`}
                {target !== undefined && `, target ${numberText(target)}`}
              </Fact>
            ))}
            <Fact name="Stored at">
              <code>{overview.location}</code>
            </Fact>
          </dl>
        </Card>
      </div>
    </>
  )
}

const chosen = (asked: string | null, names: readonly string[], otherwise: number): string =>
  asked !== null && names.includes(asked) ? asked : (names[otherwise] ?? names[0] ?? '')

function Facts({ overview, standing, ended }: Pick<Known, 'overview' | 'standing'> & { readonly ended: number }) {
  const [objective] = overview.objectives
  const { budget, study } = overview
  const { best } = standing
  return (
    <dl class="facts">
      <Fact name="Trials ended">
        {countText(ended)}
        {budget.maxTrials !== undefined && <small> of {countText(budget.maxTrials)}</small>}
      </Fact>
      {objective && (
        <Fact name={`Best ${objective.metric}`}>
          {best ? (
            <a href={studyPath(study, 'trials', best.trial)}>{wireText(best.metrics[objective.metric])}</a>
          ) : (
            'none yet'
          )}
        </Fact>
      )}
      {overview.objectives.length > 1 && <Fact name="On the front">{countText(standing.front)}</Fact>}
      <Fact name="Running">{standing.running.length}</Fact>
      <Fact name="Pruned">{countText(standing.pruned)}</Fact>
      <Fact name="Failed">{countText(standing.failed)}</Fact>
      <Fact name="Trials per minute">{numberText(standing.trialsPerMinute)}</Fact>
      <Fact name="Time">{durationText(standing.elapsedMs)}</Fact>
      {standing.status === 'running' && (
        <Fact name="Time left">{standing.msLeft === undefined ? 'unknown' : durationText(standing.msLeft)}</Fact>
      )}
      {standing.stage && <Fact name="Stage">{standing.stage}</Fact>}
    </dl>
  )
}

function PlaneCard({
  study,
  names,
  seq,
  query,
}: {
  readonly study: string
  readonly names: readonly string[]
  readonly seq: number
  readonly query: URLSearchParams
}) {
  const x = chosen(query.get('x'), names, 1)
  const y = chosen(query.get('y'), names, 0)
  const asked = new URLSearchParams({ x, y })
  const { data, problem } = useAnswer<Plane>(`/api${studyPath(study, 'plane')}?${asked}`, seq)
  return (
    <Card
      title="Pareto front"
      aside={
        <div class="fields">
          <Select label="Up" value={y} options={names} onChange={(value) => go(withQuery(query, { y: value }), true)} />
          <Select
            label="Across"
            value={x}
            options={names}
            onChange={(value) => go(withQuery(query, { x: value }), true)}
          />
        </div>
      }
    >
      {problem && <Problem text={problem} />}
      {data && data.total === 0 && <Empty>No completed trial has both metrics yet.</Empty>}
      {data && data.total > 0 && <PlaneChart study={study} plane={data} />}
      {!data && !problem && <div class="placeholder" />}
    </Card>
  )
}

/** A message without the code before it, which stands beside it. */
const withoutCode = (message: string) => message.replace(/^[A-Z][A-Z0-9_]+: /, '')

function FailureList({ study, failures }: { readonly study: string; readonly failures: readonly Failures[] }) {
  if (failures.length === 0) return <Empty>No trial failed.</Empty>
  return (
    <>
      {failures.map(({ reason, count, latest }) => (
        <section key={reason} class="failures">
          <h3>
            {reason} <span class="count">{countText(count)}</span>
          </h3>
          {latest.map(({ trial, code, message, stack }) => (
            <details key={trial}>
              <summary>
                trial {trial}: {withoutCode(message)}
              </summary>
              <p class="small">
                <code>{code}</code> · <a href={studyPath(study, 'trials', trial)}>show the trial</a>
              </p>
              {stack && <Source>{stack}</Source>}
            </details>
          ))}
          {count > latest.length && (
            <p class="small">
              <a href={`${studyPath(study, 'trials')}?status=failed&filter=${encodeURIComponent(`reason=${reason}`)}`}>
                all {countText(count)}
              </a>
            </p>
          )}
        </section>
      ))}
    </>
  )
}
