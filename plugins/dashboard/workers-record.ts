import type { Json, SearchEvent } from '../../core/index.ts'
import type { WorkerLine, WorkersAnswer } from './protocol.ts'

/** Workers and reports that are kept. */
const WORKERS = 1000
const REPORTS = 200

const states: Readonly<Record<string, WorkerLine['state']>> = {
  heartbeat: 'working',
  'worker.joined': 'working',
  'worker.left': 'left',
  'worker.lost': 'lost',
  'worker.died': 'died',
  'worker.recycled': 'recycled',
  'worker.refused': 'refused',
}

/** Whether an event tells of a worker rather than of a method. */
export const isOfWorker = (name: string): boolean => Object.hasOwn(states, name) || name === 'worker.none'

/** The workers of a search: the `plugin.event`s 'heartbeat' and 'worker.…' of worker pools and of distributed searches. */
export class WorkersRecord {
  readonly #workers = new Map<string, WorkerLine>()
  #events: WorkersAnswer['events'][number][] = []
  #isCut = false

  take(event: SearchEvent): void {
    if (event.type === 'search.finished' || event.type === 'search.stopped' || event.type === 'search.resumed')
      this.#end()
    if (event.type !== 'plugin.event') return
    const { plugin, name, facts, seq, at } = event
    const state = Object.hasOwn(states, name) ? states[name] : undefined
    if (!isOfWorker(name)) return
    const told = textsAndNumbers(facts)
    const worker = told.worker ?? (told.pid === undefined ? undefined : `process ${told.pid}`)
    const message = typeof told.message === 'string' ? told.message.slice(0, 500) : undefined
    if (name !== 'heartbeat') {
      const text = [name.replace('worker.', ''), worker, message].filter((part) => part !== undefined).join(' · ')
      this.#events.push({ seq, at, text })
      if (this.#events.length > 2 * REPORTS) this.#events = this.#events.slice(-REPORTS)
    }
    if (state === undefined || worker === undefined) return
    const id = `${plugin} ${worker}`
    const known = this.#workers.get(id)
    if (!known && this.#workers.size >= WORKERS) {
      this.#isCut = true
      return
    }
    const { megabytes, size, trial, evaluations } = told
    const isNumber = (value: unknown): value is number => typeof value === 'number'
    const { message: _, ...before } = known ?? {}
    // The order of the map is that of the latest reports.
    this.#workers.delete(id)
    this.#workers.set(id, {
      firstAt: at,
      ...before,
      worker: String(worker),
      plugin,
      state,
      lastAt: at,
      ...(isNumber(size) && { size }),
      // Reports of machines carry the number of whatever trial the search was at.
      ...(isNumber(trial) && told.worker === undefined && { trial }),
      ...(isNumber(evaluations) && { evaluations }),
      ...(isNumber(megabytes) && { megabytes, peakMegabytes: Math.max(megabytes, known?.peakMegabytes ?? 0) }),
      ...(message !== undefined && { message }),
    })
  }

  get answer(): WorkersAnswer {
    const workers = [...this.#workers.values()].reverse()
    const rank = ({ state }: WorkerLine) => (state === 'working' ? 0 : 1)
    return {
      workers: workers.sort((a, b) => rank(a) - rank(b)),
      events: this.#events.slice(-REPORTS).reverse(),
      isCut: this.#isCut,
    }
  }

  /** The workers of a session end with it. */
  #end(): void {
    for (const [id, worker] of this.#workers)
      if (worker.state === 'working') this.#workers.set(id, { ...worker, state: 'ended' })
  }
}

function textsAndNumbers(facts: Json): Readonly<Record<string, string | number | undefined>> {
  if (typeof facts !== 'object' || facts === null) return {}
  return Object.fromEntries(
    Object.entries(facts).filter(
      (entry): entry is [string, string | number] => typeof entry[1] === 'string' || typeof entry[1] === 'number',
    ),
  )
}
