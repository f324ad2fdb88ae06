import { initialState, reduce, type SearchState, type Studies } from '../../core/index.ts'
import { LiveStudy, problemOf } from './live-study.ts'
import type { StudyLine } from './protocol.ts'
import { wire } from './wire.ts'

/** Studies that are kept in memory though nobody looks at them. */
const KEPT = 3
/** How long a study stays in memory at least after it was asked for. */
const REST_MS = 30_000

/** What is known of a study that is only listed. */
interface Glance {
  state: SearchState
  space: string
  method: string
  /** Nobody wrote it when it was read: it need not be read again. */
  isAtRest: boolean
  readAt: number
}

/** How long a glance at a study that may be written is believed. */
const GLANCE_MS = 1500
/** How long a glance at a study that nobody writes is believed. */
const AT_REST_MS = 60_000

/** The studies of a place, each opened when it is first asked for, and closed when others are in demand. */
export class LiveStudies {
  readonly #place: Studies
  readonly #open = new Map<string, Promise<LiveStudy>>()
  readonly #glances = new Map<string, Glance>()

  constructor(place: Studies) {
    this.#place = place
  }

  get url(): string {
    return this.#place.url
  }

  /** Errors: those of opening and reading a study. */
  async get(name: string): Promise<LiveStudy> {
    const known = this.#open.get(name)
    if (known) {
      const study = await known
      if (study.failure === undefined) {
        await study.refresh()
        return study
      }
      this.#open.delete(name)
      await study.close()
    }
    const opening = LiveStudy.open(this.#place, name)
    this.#open.set(name, opening)
    opening.catch(() => this.#open.delete(name))
    const study = await opening
    await this.#closeOthers(name)
    return study
  }

  async list(): Promise<readonly StudyLine[]> {
    const lines: StudyLine[] = []
    for (const name of await this.#place.list()) lines.push(await this.#line(name))
    return lines.sort((a, b) => (b.startedAt ?? 0) - (a.startedAt ?? 0))
  }

  async close(): Promise<void> {
    for (const opening of this.#open.values()) await opening.then((study) => study.close()).catch(() => {})
    this.#open.clear()
  }

  async #closeOthers(name: string): Promise<void> {
    const idle: { readonly name: string; readonly study: LiveStudy }[] = []
    for (const [other, opening] of this.#open) {
      if (other === name) continue
      const study = await opening.catch(() => undefined)
      if (study && study.listeners === 0) idle.push({ name: other, study })
    }
    idle.sort((a, b) => b.study.lastUsed - a.study.lastUsed)
    for (const { name: other, study } of idle.slice(KEPT))
      if (performance.now() - study.lastUsed > REST_MS || idle.length > 2 * KEPT) {
        this.#open.delete(other)
        await study.close()
      }
  }

  async #line(study: string): Promise<StudyLine> {
    try {
      const { state, space, method, isAtRest } = await this.#glance(study)
      const [objective] = state.objectives
      const { best } = state
      const value = objective && best?.metrics[objective.metric]
      return {
        study,
        status: state.status === 'running' && isAtRest ? 'interrupted' : state.status,
        space,
        method,
        trials: state.completed + state.pruned + state.failed,
        failed: state.failed,
        ...(objective &&
          best &&
          value !== undefined && { best: { metric: objective.metric, value: wire(value), trial: best.trial } }),
        elapsedMs: state.elapsedMs,
        startedAt: state.startedAt,
      }
    } catch (thrown) {
      const { code, message } = problemOf(thrown)
      return { study, status: code, problem: message }
    }
  }

  /** The fold of a study without its trials. */
  async #glance(name: string): Promise<Glance> {
    const isWritten = await this.#place.isWritten(name)
    const known = this.#glances.get(name)
    const age = performance.now() - (known?.readAt ?? 0)
    if (known && age < (known.isAtRest && isWritten === false ? AT_REST_MS : GLANCE_MS)) return known
    const glance: Glance = known ?? { state: initialState, space: '', method: '', isAtRest: false, readAt: 0 }
    const store = await this.#place.open(name)
    try {
      for await (const events of store.read(glance.state.seq + 1))
        for (const event of events) {
          if (event.type === 'search.started') {
            glance.space = event.space.name
            glance.method = event.parts.plugins ?? event.parts.controller ?? event.parts.algorithm ?? ''
          }
          glance.state = reduce(glance.state, event)
        }
    } finally {
      await store.close()
    }
    glance.isAtRest = isWritten === false
    glance.readAt = performance.now()
    this.#glances.set(name, glance)
    return glance
  }
}
