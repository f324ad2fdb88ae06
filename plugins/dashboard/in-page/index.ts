/** The dashboard's answers computed where they are shown: for a page that searches by itself, without a server. */
import { messageOf, type Studies } from '../../../core/index.ts'
import { error } from '../errors.ts'
import { LiveStudies } from '../live-studies.ts'
import type { News, Source } from '../protocol.ts'
import { ACTIVITY } from '../queries/overview.ts'
import { questions } from '../questions.ts'

/** Milliseconds between two messages at least. */
const EVERY_MS = 250

/**
 * Answers and news about the studies of a place in this process, such as `await studiesAt('memory:page')`. Nothing can be
 * stopped or enqueued through it. Errors, as refused promises: those of a study that is not there, and
 * ARCHLOOM_DASHBOARD_QUERY.
 */
export function answersInPage(place: Studies): Source {
  const studies = new LiveStudies(place)
  return {
    async ask(path) {
      const { pathname, searchParams } = new URL(path, 'http://page')
      const [, area, name, ...rest] = pathname.split('/').filter(Boolean).map(decodeURIComponent)
      if (area === 'studies' && name === undefined) return { place: studies.url, studies: await studies.list() }
      const asked = rest.map((part, i) => (rest[0] === 'trials' && i === 1 ? ':trial' : part))
      const answer = questions[asked.map((part) => `/${part}`).join('')]
      if (area !== 'studies' || !answer)
        throw error('ARCHLOOM_DASHBOARD_QUERY', { parameter: 'path', received: path, expected: 'a known question' })
      const params = rest[1] === undefined ? {} : { trial: rest[1] }
      return answer(await studies.get(name!), { params, query: Object.fromEntries(searchParams), controls: undefined })
    },
    follow(name, from, tell) {
      let isOver = false
      let stop = () => {}
      const fail = (thrown: unknown) => {
        if (!isOver) tell.connected(false)
        return messageOf(thrown)
      }
      studies.get(name).then((study) => {
        if (isOver) return
        let told = from
        let timer: ReturnType<typeof setTimeout> | undefined
        const send = () => {
          timer = undefined
          const { standing } = study
          if (standing.seq <= told) return
          const news: News = { standing, activity: study.activityAfter(told, ACTIVITY) }
          told = standing.seq
          tell.news(news)
        }
        const later = () => {
          timer ??= setTimeout(send, EVERY_MS)
        }
        const stopListening = study.listen(later)
        stop = () => {
          stopListening()
          clearTimeout(timer)
        }
        tell.connected(true)
        later()
      }, fail)
      return () => {
        isOver = true
        stop()
      }
    },
  }
}
