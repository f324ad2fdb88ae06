import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { isObject } from '../../core/options/index.ts'
import { VERSION } from '../../core/version.ts'
import { error } from './errors.ts'
import { keysOf, type Likeness } from './keys.ts'
import type { Redis } from './redis.ts'

/** The announcement of a search, by which workers check whether they fit. */
export interface Announcement extends Likeness {
  readonly spaceName: string
  readonly checkpoints: string
  readonly version: string
  readonly host: string
}

/** Time without a sign of life after which a search is gone. */
const ALIVE_MS = 15_000
const RENEW_MS = 5000

/** Announces a search until it is disposed of. `renewed` is called whenever the announcement was repeated. */
export async function announce(client: Redis, queue: string, search: Omit<Announcement, 'version' | 'host'>) {
  const keys = keysOf(queue)
  const token = randomUUID()
  const text = JSON.stringify({ ...search, version: VERSION, host: hostname() })
  const renew = async () => {
    await client
      .multi()
      .hset(keys.searches, token, text)
      .set(keys.alive(token), '1', 'PX', ALIVE_MS)
      .publish(keys.orders, JSON.stringify({ kind: 'hello' }))
      .exec()
  }
  await renew()
  const timer = setInterval(() => void renew().catch(() => {}), RENEW_MS)
  return {
    token,
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      await client.multi().hdel(keys.searches, token).del(keys.alive(token)).exec()
    },
  }
}

function announcementOf(text: string): Announcement | undefined {
  try {
    const value: unknown = JSON.parse(text)
    const names = ['code', 'space', 'spaceName', 'checkpoints', 'version', 'host'] as const
    const isAnnouncement = (given: unknown): given is Announcement =>
      isObject(given) && names.every((name) => typeof (given as Partial<Announcement>)[name] === 'string')
    return isAnnouncement(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** The searches that use a queue now. Announcements of searches that are gone are removed. */
export async function searchesOf(client: Redis, queue: string): Promise<readonly Announcement[]> {
  const keys = keysOf(queue)
  const all = Object.entries(await client.hgetall(keys.searches))
  if (all.length === 0) return []
  const alive = await client.mget(all.map(([token]) => keys.alive(token)))
  const gone = all.filter((_, at) => alive[at] === null).map(([token]) => token)
  if (gone.length > 0) await client.hdel(keys.searches, ...gone)
  return all.flatMap(([, text], at) => (alive[at] === null ? [] : (announcementOf(text) ?? [])))
}

/** The properties of a worker. */
export interface Brought extends Likeness {
  readonly module: string
  readonly spaceName: string
  readonly files: readonly string[]
  readonly checkpoints: string
}

/**
 * The error of a worker that fits none of the searches; undefined if it fits one, or if there is none.
 * ARCHLOOM_DISTRIBUTED_SPACE, ARCHLOOM_DISTRIBUTED_CODE, ARCHLOOM_DISTRIBUTED_CHECKPOINTS.
 */
export function misfit(searches: readonly Announcement[], worker: Brought) {
  const [first] = searches
  if (!first) return undefined
  const alike = searches.filter(({ code, space }) => code === worker.code && space === worker.space)
  if (alike.some(({ checkpoints }) => checkpoints === worker.checkpoints)) return undefined
  const [other] = alike
  if (other)
    return error('ARCHLOOM_DISTRIBUTED_CHECKPOINTS', {
      place: worker.checkpoints,
      message: `the search keeps its checkpoints in ${other.checkpoints}; start the worker with --checkpoints ${other.checkpoints}`,
    })
  const nearest = searches.find(({ space }) => space === worker.space)
  if (!nearest)
    return error('ARCHLOOM_DISTRIBUTED_SPACE', {
      module: worker.module,
      received: `"${worker.spaceName}" (${worker.space})`,
      expected: `"${first.spaceName}" (${first.space})`,
    })
  return error('ARCHLOOM_DISTRIBUTED_CODE', {
    received: worker.code,
    expected: nearest.code,
    files: `archloom ${VERSION} here and ${nearest.version} there; here of ${worker.files.join(', ')}`,
  })
}

/** The report of a worker to the searches of its queue. */
export interface WorkerReport {
  readonly kind: 'joined' | 'left' | 'refused'
  readonly worker: string
  /** Number of evaluations at once. */
  readonly size: number
  /** The reason of a refusal. */
  readonly code?: string
  readonly message?: string
}

const TEXT_LIMIT = 1000

/** Parses a report; undefined if it is not one. */
export function readReport(text: string): WorkerReport | undefined {
  if (text.length > 8 * TEXT_LIMIT) return undefined
  let value: Partial<Record<keyof WorkerReport, unknown>>
  try {
    value = JSON.parse(text) ?? {}
  } catch {
    return undefined
  }
  const { kind, worker, size, code, message } = value
  const isKind = kind === 'joined' || kind === 'left' || kind === 'refused'
  if (!isKind || typeof worker !== 'string' || typeof size !== 'number' || !Number.isFinite(size)) return undefined
  return {
    kind,
    worker: worker.slice(0, TEXT_LIMIT),
    size,
    ...(typeof code === 'string' && { code: code.slice(0, TEXT_LIMIT) }),
    ...(typeof message === 'string' && { message: message.slice(0, TEXT_LIMIT) }),
  }
}
