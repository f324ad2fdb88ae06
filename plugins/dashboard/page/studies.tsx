import { useEffect, useState } from 'preact/hooks'
import type { StudyLine } from '../protocol.ts'
import { useAnswer } from './asking.ts'
import { countText, dateText, durationText, wireText } from './format.ts'
import { Badge, Empty, Problem, Scroller } from './parts.tsx'
import { studyPath } from './route.ts'

const EVERY_MS = 3000

/** All studies of the place, the newest first. */
export function StudiesPage() {
  const [turn, setTurn] = useState(0)
  useEffect(() => {
    const timer = setInterval(() => document.visibilityState === 'visible' && setTurn((n) => n + 1), EVERY_MS)
    return () => clearInterval(timer)
  }, [])
  const { data, problem } = useAnswer<{ place: string; studies: readonly StudyLine[] }>('/api/studies', turn)
  return (
    <>
      <h1>Studies</h1>
      {problem && <Problem text={problem} />}
      {data && <p class="muted">{data.place}</p>}
      {data?.studies.length === 0 && (
        <Empty>
          No study is here yet. Start one with <code>npx archloom run search.ts</code>; it appears by itself.
        </Empty>
      )}
      {data && data.studies.length > 0 && (
        <Scroller label="Table of studies">
          <table class="rows">
            <thead>
              <tr>
                <th scope="col">Study</th>
                <th scope="col">Status</th>
                <th scope="col" class="number">
                  Trials
                </th>
                <th scope="col" class="number">
                  Failed
                </th>
                <th scope="col">Best</th>
                <th scope="col" class="number">
                  Time
                </th>
                <th scope="col">Started</th>
                <th scope="col">Space</th>
                <th scope="col">Method</th>
              </tr>
            </thead>
            <tbody>
              {data.studies.map((line) => (
                <tr key={line.study}>
                  <th scope="row">
                    <a href={studyPath(line.study)}>{line.study}</a>
                  </th>
                  <td>
                    <Badge status={line.status} />
                    {line.problem && <div class="muted small">{line.problem}</div>}
                  </td>
                  <td class="number">{line.trials === undefined ? '' : countText(line.trials)}</td>
                  <td class="number">{line.failed || ''}</td>
                  <td>{line.best && `${line.best.metric} ${wireText(line.best.value)}`}</td>
                  <td class="number">{line.elapsedMs === undefined ? '' : durationText(line.elapsedMs)}</td>
                  <td>{line.startedAt ? dateText(line.startedAt) : ''}</td>
                  <td>{line.space}</td>
                  <td>{line.method}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroller>
      )}
    </>
  )
}
