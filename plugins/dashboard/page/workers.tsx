import type { WorkerLine, WorkersAnswer } from '../protocol.ts'
import { useAnswer } from './asking.ts'
import { countText, durationText, timeText } from './format.ts'
import { Badge, Card, Empty, Fact, Problem, Scroller } from './parts.tsx'
import { studyPath } from './route.ts'
import type { Known } from './study.tsx'

/** The processes and machines that evaluate the trials of a study. */
export function WorkersPage({ study, standing, seq }: Known) {
  const { data, problem } = useAnswer<WorkersAnswer>(`/api${studyPath(study, 'workers')}`, `${seq} ${standing.status}`)
  if (problem) return <Problem text={problem} />
  if (!data) return <div class="placeholder" />
  const { workers, events, isCut } = data
  const atWork = workers.filter(({ state }) => state === 'working')
  const places = atWork.reduce((sum, { size = 1 }) => sum + size, 0)
  if (workers.length === 0 && events.length === 0)
    return (
      <Card title="Workers" wide>
        <Empty>
          This study has reported no workers: its trials are evaluated in the process of the search, or by a worker pool
          without <code>heartbeatMs</code>.
        </Empty>
      </Card>
    )
  return (
    <div class="grid">
      <Card title="Workers" wide>
        <dl class="facts">
          <Fact name="At work">{countText(atWork.length)}</Fact>
          <Fact name="Evaluations at once">{countText(places)}</Fact>
          <Fact name="Gone">{countText(workers.length - atWork.length)}</Fact>
          <Fact name="Trials running">{countText(standing.running.length)}</Fact>
        </dl>
        {isCut && <p class="muted">There were more workers than are shown here.</p>}
        <Scroller label="Workers">
          <table class="rows">
            <thead>
              <tr>
                <th scope="col">Worker</th>
                <th scope="col">State</th>
                <th scope="col" class="number">
                  Latest trial
                </th>
                <th scope="col" class="number">
                  Memory
                </th>
                <th scope="col" class="number">
                  Peak
                </th>
                <th scope="col">First report</th>
                <th scope="col">Last report</th>
                <th scope="col">Message</th>
              </tr>
            </thead>
            <tbody>
              {workers.map((worker) => (
                <Row key={`${worker.plugin} ${worker.worker}`} study={study} {...worker} />
              ))}
            </tbody>
          </table>
        </Scroller>
      </Card>
      {events.length > 0 && (
        <Card title="Reports" wide>
          <ol class="activity" reversed>
            {events.map(({ seq: number, at, text }) => (
              <li key={number}>
                <span class="muted">{timeText(at)}</span> {text}
              </li>
            ))}
          </ol>
        </Card>
      )}
    </div>
  )
}

const megabytesText = (megabytes: number | undefined) => (megabytes === undefined ? '' : `${Math.round(megabytes)} MB`)

const Row = ({ study, ...worker }: WorkerLine & { readonly study: string }) => (
  <tr>
    <th scope="row">
      {worker.worker} <span class="muted">{worker.plugin}</span>
    </th>
    <td>
      <Badge status={worker.state} />
    </td>
    <td class="number">
      {worker.trial !== undefined && <a href={studyPath(study, 'trials', worker.trial)}>{worker.trial}</a>}
    </td>
    <td class="number">{megabytesText(worker.megabytes)}</td>
    <td class="number">{megabytesText(worker.peakMegabytes)}</td>
    <td>{timeText(worker.firstAt)}</td>
    <td>
      {timeText(worker.lastAt)}{' '}
      <span class="muted">{durationText(worker.lastAt - worker.firstAt)} after the first</span>
    </td>
    <td>{worker.message}</td>
  </tr>
)
