import { fork } from 'node:child_process'
import { existsSync } from 'node:fs'
import { basename, dirname, extname, join, parse, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Search } from '../../composition/search.ts'
import { messageOf } from '../../errors.ts'
import { JOURNAL_FILE } from '../../node/journal.ts'
import type { Json } from '../../space/decision.ts'
import { freshName, safeName } from '../../study/studies.ts'
import { error } from '../errors.ts'
import { onInterrupt } from '../interrupt.ts'
import type { Output } from '../output.ts'
import type { Order, Received, Report } from './messages.ts'

/** The flags `--dashboard…` of commands that run a search. */
export interface DashboardWish {
  readonly port?: number
  readonly host?: string
  /** Text that a page must send to stop the search or to enqueue a trial. */
  readonly token?: string
}

export interface OpenDashboard extends AsyncDisposable {
  readonly url: string
}

interface Changes {
  stop(): void
  enqueue?(architecture: Json): Promise<void>
}

const HOST = '127.0.0.1'

/** Serves the dashboard of a search whose study is open. `stored`: where another process finds the study. */
export async function dashboardOf(
  search: Search,
  wish: DashboardWish,
  stop: () => void,
  stored?: { readonly storage: string; readonly study: string },
): Promise<OpenDashboard> {
  const enqueue = (architecture: Json) => search.enqueue(architecture)
  const isShared = stored !== undefined && !stored.storage.startsWith('memory:')
  if (isShared) return dashboardProcess(stored.storage, wish, { study: stored.study, stop, enqueue })
  const location = resolve(search.study)
  if (existsSync(join(location, JOURNAL_FILE)))
    return dashboardProcess(`journal:${dirname(location)}`, wish, { study: basename(location), stop, enqueue })
  // A study that only this process can read.
  const { observedStudies, serveDashboard } = await import('archloom/plugins/dashboard')
  const { port, host = HOST, token } = wish
  const record = search.record()
  const { events$ } = search
  return serveDashboard({
    studies: observedStudies({ study: record.name, location: search.study, record, events$ }),
    host,
    ...(port !== undefined && { port }),
    ...(token !== undefined && { token, controls: () => ({ study: record.name, stop, enqueue }) }),
  })
}

/** Serves the dashboard of a storage in a separate process. Error: ARCHLOOM_DASHBOARD_PROCESS. */
export async function dashboardProcess(
  storage: string,
  { port, host = HOST, token }: DashboardWish,
  changes?: Changes & { readonly study: string },
): Promise<OpenDashboard> {
  const program = fileURLToPath(new URL(`child${extname(import.meta.url)}`, import.meta.url))
  const child = fork(program, { stdio: ['ignore', 2, 2, 'ipc'] })
  const ended = new Promise<void>((done) => child.once('exit', () => done()))
  const order: Order = {
    storage,
    host,
    ...(port !== undefined && { port }),
    ...(token !== undefined && { token, ...(changes && { study: changes.study }) }),
  }
  child.send(order)
  const answer = (received: Received) => child.connected && child.send(received)
  const url = await new Promise<string>((opened, failed) => {
    const refuse = (message: string) => failed(error('ARCHLOOM_DASHBOARD_PROCESS', { message }))
    child.once('exit', (code) => refuse(`its process ended with code ${code}`))
    child.on('message', (report: Report) => {
      if (report.kind === 'open') opened(report.url)
      else if (report.kind === 'failed') refuse(report.message)
      else if (report.kind === 'stop') changes?.stop()
      else
        (changes?.enqueue?.(report.architecture) ?? Promise.reject(new Error('nothing can be enqueued here'))).then(
          () => answer({ id: report.id }),
          (thrown: unknown) => answer({ id: report.id, problem: messageOf(thrown) }),
        )
    })
  }).catch((thrown: unknown) => {
    child.kill('SIGKILL')
    throw thrown
  })
  // The search decides when the program ends.
  child.unref()
  child.channel?.unref()
  return {
    url,
    [Symbol.asyncDispose]: async () => {
      child.ref()
      if (child.connected) child.disconnect()
      await ended
    },
  }
}

/** A study name derived from the name of a program or data file, and not used in the folder or among `taken` yet. */
export const studyNameFor = (file: string, directory: string, taken?: readonly string[]): string =>
  freshName(safeName(parse(file).name), (candidate) =>
    taken ? taken.includes(candidate) : existsSync(join(directory, candidate)),
  )

/** On a terminal, keeps the dashboard open after the end of the search, until Ctrl-C. */
export async function stay({ url }: OpenDashboard, output: Output): Promise<void> {
  if (output.json || !output.progress.isTTY) return
  output.note(`the dashboard stays open at ${url}; press Ctrl-C to close it`)
  const over = new AbortController()
  const alive = setInterval(() => {}, 60_000)
  using _signals = onInterrupt({ stop: () => over.abort(), say: () => {} })
  await new Promise<void>((done) => over.signal.addEventListener('abort', () => done()))
  clearInterval(alive)
}
