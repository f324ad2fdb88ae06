import type { ServerResponse } from 'node:http'
import type { LiveStudy } from './live-study.ts'
import type { News } from './protocol.ts'
import { ACTIVITY } from './queries/overview.ts'

/** Milliseconds between two messages at least. */
const EVERY_MS = 250
/** A message is sent this often though nothing happened, so that both sides notice a broken connection. */
const BEAT_MS = 15_000
/** Bytes that wait for a slow reader; news wait until they are read. */
const WAITING = 65_536

/**
 * Streams the news of a study as server-sent events. Each has the number of the study's last event as its id; a reader
 * that comes back with the last id it saw (`Last-Event-ID`) is told what happened since, and nothing twice. A reader
 * that is slow is sent fewer and larger messages. Returns the function that ends the stream.
 */
export function streamNews(study: LiveStudy, response: ServerResponse, from: number | undefined): () => void {
  let told = from ?? study.seq
  let isOver = false
  let timer: ReturnType<typeof setTimeout> | undefined
  let sentAt = Number.NEGATIVE_INFINITY
  let wasStatus = ''

  const send = () => {
    timer = undefined
    if (isOver) return
    if (study.failure !== undefined) return end()
    const { standing } = study
    if (standing.seq <= told && standing.status === wasStatus) return
    if (response.writableLength > WAITING) return later()
    const news: News = { standing, activity: study.activityAfter(told, ACTIVITY) }
    told = standing.seq
    wasStatus = standing.status
    sentAt = performance.now()
    response.write(`id: ${told}\nevent: news\ndata: ${JSON.stringify(news)}\n\n`)
  }
  const later = () => {
    timer ??= setTimeout(send, Math.max(0, EVERY_MS - (performance.now() - sentAt)))
  }
  const beat = setInterval(() => {
    if (response.writableLength > WAITING) return
    response.write(': still here\n\n')
    // The writer of a study may have died, which is no event.
    study.refresh().then(later, () => {})
  }, BEAT_MS)
  const stopListening = study.listen(later)
  const end = () => {
    if (isOver) return
    isOver = true
    clearTimeout(timer)
    clearInterval(beat)
    stopListening()
    response.end()
  }
  response.on('close', end)
  response.on('error', end)
  response.write(`retry: 1000\n\n`)
  send()
  return end
}
