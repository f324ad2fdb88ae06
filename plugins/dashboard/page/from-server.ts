import type { News, Problem, Source } from '../protocol.ts'
import { studyPath } from './route.ts'

const isProblem = (body: unknown): body is Problem => typeof body === 'object' && body !== null && 'error' in body

/** How long the page waits after a server refused a connection, in milliseconds. */
const AGAIN_MS = 3000

/** The server that served the page. */
export const fromServer: Source = {
  async ask(path, init = {}) {
    const response = await fetch(path, init as RequestInit)
    const body: unknown = await response.json()
    if (!response.ok)
      throw new Error(isProblem(body) ? `${body.error.code}: ${body.error.message}` : response.statusText)
    return body
  },
  follow(study, from, tell) {
    let last = from
    let source: EventSource
    let again: ReturnType<typeof setTimeout>
    const connect = () => {
      source = new EventSource(`/api${studyPath(study, 'news')}?from=${last}`)
      source.addEventListener('open', () => tell.connected(true))
      source.addEventListener('news', (event) => {
        const news = JSON.parse(event.data) as News
        last = news.standing.seq
        tell.news(news)
      })
      source.addEventListener('error', () => {
        tell.connected(false)
        // The browser connects again by itself unless the server refused.
        if (source.readyState === EventSource.CLOSED) again = setTimeout(connect, AGAIN_MS)
      })
    }
    connect()
    return () => {
      clearTimeout(again)
      source.close()
    }
  },
}
