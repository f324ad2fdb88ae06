import type { Panel as Declared, Json, SearchEvent } from '../../core/index.ts'
import { filled, isDrawn, sourceOf } from './declared-panels.ts'
import { MetricRows } from './metric-rows.ts'
import type { DeclaredPanel, MethodMetrics, MetricPanel } from './protocol.ts'
import { ReportedImages } from './reported-images.ts'
import { isOfWorker } from './workers-record.ts'

/** Panels and stages that are kept. */
const PANELS = 30
const STAGES = 500
/** Entries of a list or a record among the facts of a plugin's event at most; longer ones are data, not metrics. */
const LISTED = 16
/** The same for lists that a declared panel shows as bars. */
const BARS = 256

interface Panel {
  readonly of: MetricPanel['of']
  readonly title?: string
  readonly by: MetricPanel['by']
  readonly rows: MetricRows
  /** What is added to the steps of reports: those of earlier stages that counted anew. */
  base: number
  /** Reports so far. */
  count: number
  /** The latest session, and the last stage, of the last report. */
  session: number
  stage: number
}

/** The metrics that a method reported apart from those of trials, and its stages. */
export class MethodRecord {
  readonly #panels = new Map<string, Panel>()
  /** The latest numbers of the facts that declared panels show as bars. */
  readonly #latest = new Map<string, Readonly<Record<string, number>>>()
  readonly images = new ReportedImages()
  #declared: readonly { readonly plugin: string; readonly panel: Declared }[] = []
  readonly #stages = new Map<number, MethodMetrics['stages'][number]>()
  #session = 0
  #stage = 0
  /** Trials that the controller was told of. */
  #told = 0
  #isCut = false

  take(event: SearchEvent): void {
    switch (event.type) {
      case 'search.started':
        this.#declared = Object.entries(event.panels ?? {})
          .flatMap(([plugin, panels]) => panels.map((panel) => ({ plugin, panel })))
          .slice(0, PANELS)
        return
      case 'search.resumed':
        this.#session++
        return
      case 'stage.started':
        this.#enter(event)
        return
      case 'weights.progress':
      case 'policy.progress': {
        const of = event.type === 'weights.progress' ? 'weights' : 'policy'
        this.#addStep(this.#panel(of, { of, by: 'step' }), event.step, event.metrics)
        return
      }
      case 'controller.updated': {
        const { trials, diagnostics } = event
        this.#told += trials.length
        const panel = this.#panel('controller', { of: 'controller', by: 'trials' }, diagnostics)
        if (panel && this.#told > (panel.rows.last ?? 0)) panel.rows.add(this.#told, diagnostics)
        return
      }
      case 'plugin.event': {
        if (isOfWorker(event.name)) return
        const metrics = numbersIn(event.facts)
        const title = `${event.plugin}: ${event.name}`
        const panel = this.#panel(`plugin ${title}`, { of: 'plugin', title, by: 'event' }, metrics)
        panel?.rows.add(++panel.count, metrics)
        this.images.take(event, title)
        if (this.#declared.some((each) => each.panel.kind === 'bars' && sourceOf(each.plugin, each.panel) === title))
          this.#latest.set(title, numbersIn(event.facts, BARS))
      }
    }
  }

  get answer(): MethodMetrics {
    const panels = [...this.#panels.values()]
    const bySource = new Map(
      panels.map(({ of, title, by, rows }) => [
        title ?? of,
        { of, ...(title !== undefined && { title }), by, ...rows.rows },
      ]),
    )
    const reported = {
      metrics: (source: string) => bySource.get(source),
      latest: (source: string) => this.#latest.get(source),
      images: (source: string) => this.images.lines(source),
    }
    const isShown = (source: string, name: string) =>
      this.#declared.some(({ plugin, panel }) => isDrawn(plugin, panel, source, name))
    const others = [...bySource].map(([source, panel]) => ({
      ...panel,
      metrics: Object.fromEntries(Object.entries(panel.metrics).filter(([name]) => !isShown(source, name))),
    }))
    const imageSources = this.images.kinds.filter(
      (kind) =>
        !this.#declared.some(({ plugin, panel }) => panel.kind === 'images' && sourceOf(plugin, panel) === kind),
    )
    return {
      declared: this.#declared.flatMap(({ plugin, panel }): readonly DeclaredPanel[] => {
        const found = filled(plugin, panel, reported)
        return found ? [found] : []
      }),
      panels: others.filter(({ metrics }) => Object.keys(metrics).length > 0),
      images: imageSources.map((title) => ({ title, images: this.images.lines(title) })),
      stages: [...this.#stages.values()],
      isCut: this.#isCut || panels.some(({ rows }) => rows.isCut),
    }
  }

  /** The panel of a key; undefined where there is nothing to draw, or no place for another panel. */
  #panel(key: string, made: Pick<Panel, 'of' | 'title' | 'by'>, metrics?: object): Panel | undefined {
    if (metrics && Object.keys(metrics).length === 0) return undefined
    const known = this.#panels.get(key)
    if (known) return known
    if (this.#panels.size >= PANELS) {
      this.#isCut = true
      return undefined
    }
    const panel = { ...made, rows: new MetricRows(), base: 0, count: 0, session: this.#session, stage: this.#stage }
    this.#panels.set(key, panel)
    return panel
  }

  #enter({ stage, index, at, facts }: Extract<SearchEvent, { type: 'stage.started' }>): void {
    this.#stage = index
    // A resumed search enters its stage again.
    if (this.#stages.has(index)) return
    if (this.#stages.size >= STAGES) {
      this.#isCut = true
      return
    }
    const steps = (of: string) => this.#panels.get(of)?.rows.last ?? 0
    const text = Object.entries(facts)
      .map(([name, value]) => `${name} ${typeof value === 'string' ? value : JSON.stringify(value)}`)
      .join(', ')
    this.#stages.set(index, {
      index,
      stage,
      at,
      facts: text.slice(0, 300),
      weights: steps('weights'),
      policy: steps('policy'),
    })
  }

  /**
   * A resumed search repeats the steps that it had not saved: these take the place of the earlier ones. Where steps go back
   * otherwise, a stage counts its own, and they go on from those before it.
   */
  #addStep(panel: Panel | undefined, step: number, metrics: Readonly<Record<string, number>>): void {
    if (!panel) return
    const { last } = panel.rows
    if (last !== undefined && panel.base + step <= last) {
      if (panel.session !== this.#session && panel.stage === this.#stage) panel.rows.forget(panel.base + step)
      else panel.base = last
    }
    panel.session = this.#session
    panel.stage = this.#stage
    panel.rows.add(panel.base + step, metrics)
  }
}

/** What counts or names something in facts rather than measuring it. */
const labels = new Set([
  'trial',
  'network',
  'step',
  'steps',
  'epoch',
  'stage',
  'seed',
  'pid',
  'genotype',
  'architecture',
])

/** The numbers among facts by their names, those in short lists and in records of numbers included. */
function numbersIn(facts: Json, listed = LISTED): Readonly<Record<string, number>> {
  const found: Record<string, number> = Object.create(null)
  if (typeof facts !== 'object' || facts === null) return found
  for (const [name, value] of Object.entries(facts)) {
    if (labels.has(name)) continue
    if (typeof value === 'number') found[name] = value
    if (typeof value !== 'object' || value === null) continue
    const entries = Object.entries(value)
    if (entries.length > listed) continue
    for (const [inner, number] of entries) if (typeof number === 'number') found[`${name}.${inner}`] = number
  }
  return found
}
