import { type Clock, realClock } from '../../core/clock.ts'
import { messageOf } from '../../core/errors.ts'
import { error } from './errors.ts'

const ATTEMPTS = 4
const FIRST_WAIT_MS = 250
const LONGEST_WAIT_MS = 5000

export interface Connection {
  /** `http://host:port`; may contain a user and a password. */
  readonly url: string
  readonly token?: string | undefined
  /** Milliseconds until a request without an answer counts as failed. */
  readonly timeoutMs: number
  /** Ends every request and every wait. */
  readonly signal: AbortSignal
  /** Called for every answer. */
  onAnswer?(): void
  readonly clock?: Clock
  /** How often a request is tried before its failure is reported. Default: 4. */
  readonly attempts?: number
}

export interface Answer {
  readonly status: number
  /** The body; an empty object if it was not JSON. */
  readonly body: Readonly<Record<string, unknown>>
}

/** A request that the server does not answer, or answers with a passing failure, may succeed later. */
const isPassing = (status: number) => status === 408 || status === 429 || status >= 500

const fieldsOf = (text: string): Readonly<Record<string, unknown>> => {
  try {
    const parsed: unknown = JSON.parse(text)
    return typeof parsed === 'object' && parsed !== null ? { ...parsed } : {}
  } catch {
    return {}
  }
}

export type Client = ReturnType<typeof mlflowClient>

/** The REST interface of an MLflow tracking server. Requests that may succeed later are repeated with growing waits. */
export function mlflowClient(connection: Connection) {
  const { url, token, timeoutMs, signal, onAnswer, clock = realClock, attempts = ATTEMPTS } = connection
  const server = new URL(url)
  const { username, password } = server
  server.username = ''
  server.password = ''
  const base = server.href.replace(/\/$/, '')
  const basic = username && Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`)
  const authorization = token ? `Bearer ${token}` : basic ? `Basic ${basic.toString('base64')}` : undefined

  async function send(method: string, path: string, type: string, body?: string | Uint8Array<ArrayBuffer>) {
    const request = `${method} ${path.split('?')[0]}`
    const headers = { 'content-type': type, ...(authorization && { authorization }) }
    let message = ''
    for (let attempt = 0; attempt < attempts && !signal.aborted; attempt++) {
      if (attempt > 0) await clock.sleep(Math.min(FIRST_WAIT_MS * 4 ** (attempt - 1), LONGEST_WAIT_MS), signal)
      try {
        const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
        const response = await fetch(`${base}${path}`, { method, headers, signal: limit, ...(body && { body }) })
        const text = await response.text()
        onAnswer?.()
        if (!isPassing(response.status)) return { request, status: response.status, text }
        message = `status ${response.status} ${text.slice(0, 300)}`
      } catch (thrown) {
        const cause = thrown instanceof Error && thrown.cause instanceof Error ? `, ${thrown.cause.message}` : ''
        message = `${messageOf(thrown)}${cause}`
      }
    }
    if (signal.aborted) message = 'the search ended, and nothing was answered for nine seconds'
    throw error('ARCHLOOM_MLFLOW', { url: base, request, message })
  }

  async function call(method: string, path: string, body?: object, allowed: readonly string[] = []): Promise<Answer> {
    const { request, status, text } = await send(
      method,
      `/api/2.0/mlflow/${path}`,
      'application/json',
      body && JSON.stringify(body),
    )
    const fields = fieldsOf(text)
    if (status === 401 || status === 403) throw error('ARCHLOOM_MLFLOW_ACCESS', { url: base, request, status })
    if (status >= 300 && !allowed.includes(String(fields.error_code))) {
      const message = typeof fields.message === 'string' ? fields.message : text
      throw error('ARCHLOOM_MLFLOW_REFUSED', { url: base, request, status, message })
    }
    return { status, body: fields }
  }

  return {
    /** `allowed` are codes of MLflow's errors that the caller handles. */
    post: (path: string, body: object, allowed?: readonly string[]) => call('POST', path, body, allowed),
    get: (path: string, query: Readonly<Record<string, string>>, allowed?: readonly string[]) =>
      call('GET', `${path}?${new URLSearchParams(query)}`, undefined, allowed),
    /** Uploads an artifact. `place` is the path below the root of the server's artifacts. */
    async put(place: string, data: Uint8Array<ArrayBuffer>): Promise<void> {
      const path = place.split('/').map(encodeURIComponent).join('/')
      const { request, status, text } = await send(
        'PUT',
        `/api/2.0/mlflow-artifacts/artifacts/${path}`,
        'application/octet-stream',
        data,
      )
      if (status >= 300) throw error('ARCHLOOM_MLFLOW_REFUSED', { url: base, request, status, message: text })
    },
  }
}
