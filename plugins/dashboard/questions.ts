import { error } from './errors.ts'
import type { LiveStudy } from './live-study.ts'
import { type Direction, type Status, statuses } from './protocol.ts'
import { comparedStudy, parallelOf } from './queries/compare.ts'
import { courseOf } from './queries/course.ts'
import { importanceOf, methods } from './queries/importance.ts'
import { overviewOf } from './queries/overview.ts'
import { planeOf } from './queries/plane.ts'
import { trialCourse, trialDetail } from './queries/trial.ts'
import { columns, prepareOrders, trialPage } from './queries/trials.ts'
import type { Controls } from './serve.ts'

interface Asked {
  readonly params: Readonly<Record<string, string>>
  readonly query: Readonly<Record<string, string>>
  readonly controls: Controls | undefined
}

/** Rows of one page of trials at most. */
const ROWS = 500

/** What can be asked about a study, by the path behind its name. Error: ARCHLOOM_DASHBOARD_QUERY. */
export const questions: Readonly<Record<string, (study: LiveStudy, asked: Asked) => unknown>> = {
  '': (study, { controls }) => {
    prepareOrders(study)
    return overviewOf(study, [
      ...(controls?.stop ? (['stop'] as const) : []),
      ...(controls?.enqueue ? (['enqueue'] as const) : []),
    ])
  },
  '/course': (study, { query }) => {
    const metric = metricOf(study, query, 'metric', 0)
    return study.answer(`course ${metric}`, () => courseOf(study, metric))
  },
  '/plane': (study, { query }) => {
    const x = metricOf(study, query, 'x', 1)
    const y = metricOf(study, query, 'y', 0)
    const directions = { x: directionIn(query, 'xDirection'), y: directionIn(query, 'yDirection') }
    const question = `plane ${JSON.stringify([x, y, directions])}`
    return study.answer(question, () => planeOf(study, x, y, directions))
  },
  '/trials': (study, { query }) => {
    const sort = query.sort ?? 'trial'
    const known = [...columns, ...study.metrics]
    if (!known.includes(sort)) throw refused('sort', sort, `one of ${known.join(', ')}`)
    return trialPage(study, {
      offset: wholeIn(query, 'offset', 0, Number.MAX_SAFE_INTEGER),
      limit: wholeIn(query, 'limit', 100, ROWS),
      sort,
      descending: query.order === 'descending',
      status: statusIn(query),
      filter: (query.filter ?? '').slice(0, 500),
    })
  },
  '/trials/:trial': (study, { params }) => trialDetail(study, params.trial ?? ''),
  '/trials/:trial/course': (study, { params }) => trialCourse(study, params.trial ?? ''),
  '/parallel': (study) => study.answer('parallel', () => parallelOf(study)),
  '/importance': (study, { query }) => {
    const metric = metricOf(study, query, 'metric', 0)
    const received = query.method ?? methods[0]
    const method = methods.find((each) => each === received)
    if (!method) throw refused('method', received, `one of ${methods.join(', ')}`)
    return study.answer(`importance ${JSON.stringify([metric, method])}`, () => importanceOf(study, metric, method))
  },
  '/method': (study) => study.answer('method', () => study.method.answer),
  '/workers': (study) => study.workers.answer,
  '/compared': (study, { query }) => comparedStudy(study, query.metric),
}

const refused = (parameter: string, received: unknown, expected: string) =>
  error('ARCHLOOM_DASHBOARD_QUERY', { parameter, received, expected })

/** A metric of the study; by default that of the objective of a number, or the first other one. */
function metricOf(study: LiveStudy, query: Asked['query'], parameter: string, objective: number): string {
  const objectives = study.record.started.objectives.map(({ metric }) => metric)
  const known = [...new Set([...objectives, ...study.metrics])]
  const metric = query[parameter] ?? known[objective] ?? known[0] ?? ''
  if (!known.includes(metric)) throw refused(parameter, metric, `one of ${known.join(', ')}`)
  return metric
}

function directionIn(query: Asked['query'], parameter: string): Direction | undefined {
  const received = query[parameter]
  if (received === undefined || received === 'maximise' || received === 'minimise') return received
  throw refused(parameter, received, 'maximise or minimise')
}

function wholeIn(query: Asked['query'], parameter: string, otherwise: number, most: number): number {
  const received = query[parameter]
  if (received === undefined) return otherwise
  const number = Number(received)
  if (!/^\d+$/.test(received) || number > most) throw refused(parameter, received, `a whole number up to ${most}`)
  return number
}

function statusIn(query: Asked['query']): readonly Status[] {
  const received = (query.status ?? '').split(',').filter(Boolean)
  return received.map((text) => {
    const status = statuses.find((each) => each === text)
    if (!status) throw refused('status', text, `one of ${statuses.join(', ')}`)
    return status
  })
}
