import { useEffect } from 'preact/hooks'
import type { Overview, Standing } from '../protocol.ts'
import { useAnswer } from './asking.ts'
import { ControlsBar } from './controls.tsx'
import { ImportancePage } from './importance.tsx'
import { MethodPage } from './method.tsx'
import { OverviewPage } from './overview.tsx'
import { ParallelPage } from './parallel.tsx'
import { Badge, Empty, Problem } from './parts.tsx'
import { studyPath } from './route.ts'
import { TrialPage } from './trial.tsx'
import { TrialsPage } from './trials.tsx'
import { useNews } from './use-news.ts'
import { WorkersPage } from './workers.tsx'

const pages = [
  { page: '', name: 'Overview' },
  { page: 'trials', name: 'Trials' },
  { page: 'parallel', name: 'Parallel coordinates' },
  { page: 'importance', name: 'Importance' },
  { page: 'method', name: 'Method' },
  { page: 'workers', name: 'Workers' },
]

/** Why a search ended, in words. */
const reasons: Readonly<Record<string, string>> = {
  trials: 'all trials done',
  time: 'time is up',
  target: 'target reached',
  exhausted: 'space exhausted',
  failures: 'too many failures',
  algorithm: 'method ended',
}

export interface StudyPageProps {
  readonly study: string
  readonly page: string
  readonly item: string | undefined
  readonly query: URLSearchParams
}

/** A study: its heading, its pages, and the connection that keeps them up to date. */
export function StudyPage({ study, page, item, query }: StudyPageProps) {
  const first = useAnswer<Overview>(`/api${studyPath(study)}`)
  const news = useNews(study, first.data?.standing.seq)
  const seq = news.standing?.seq ?? first.data?.standing.seq ?? 0
  const status = news.standing?.status ?? ''
  // The overview is the same question again: the answer is shared by all pages of the study.
  const latest = useAnswer<Overview>(first.data && `/api${studyPath(study)}?`, `${seq} ${status}`)
  const overview = latest.data ?? first.data
  const standing = newer(news.standing, overview?.standing)
  useEffect(() => {
    document.getElementById('main')?.focus({ preventScroll: true })
  }, [page, item])
  if (first.problem) return <Problem text={first.problem} />
  if (!overview || !standing) return <p class="muted">Reading the study …</p>
  const known = { study, overview, standing, seq }
  return (
    <>
      <div class="heading">
        <h1>{study}</h1>
        <Badge status={standing.status} />
        {standing.reason && standing.status !== 'running' && (
          <span class="muted">{reasons[standing.reason] ?? standing.reason}</span>
        )}
        <span class="muted">
          {overview.space} · {overview.parts.plugins ?? Object.values(overview.parts).join(', ')} · seed {overview.seed}
        </span>
        <span role="status" class="connection">
          {news.isConnected ? '' : 'Connection lost; trying again …'}
        </span>
      </div>
      <nav class="tabs" aria-label="Pages of the study">
        {pages.map((each) => (
          <a
            key={each.page}
            href={each.page === '' ? studyPath(study) : studyPath(study, each.page)}
            aria-current={each.page === page ? 'page' : undefined}
          >
            {each.name}
          </a>
        ))}
        <a href={`/compare?studies=${encodeURIComponent(study)}`}>Compare with others</a>
      </nav>
      <ControlsBar study={study} overview={overview} />
      {page === '' && <OverviewPage {...known} query={query} news={news.activity} />}
      {page === 'trials' && item === undefined && <TrialsPage {...known} query={query} />}
      {page === 'trials' && item !== undefined && <TrialPage key={item} {...known} trial={item} />}
      {page === 'parallel' && <ParallelPage {...known} query={query} />}
      {page === 'importance' && <ImportancePage {...known} query={query} />}
      {page === 'method' && <MethodPage {...known} />}
      {page === 'workers' && <WorkersPage {...known} />}
      {!pages.some((each) => each.page === page) && <Empty>There is no such page of a study.</Empty>}
    </>
  )
}

export interface Known {
  readonly study: string
  readonly overview: Overview
  readonly standing: Standing
  /** Number of the last event, which says whether an answer is still the latest. */
  readonly seq: number
}

const newer = (a: Standing | undefined, b: Standing | undefined): Standing | undefined => {
  if (!a || !b) return a ?? b
  return a.seq >= b.seq ? a : b
}
