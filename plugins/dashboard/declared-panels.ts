import type { Panel } from '../../core/index.ts'
import type { DeclaredPanel, ImageLine, MetricPanel } from './protocol.ts'

/** What the panels of plugins are filled with. */
export interface Reported {
  /** The metrics of weights, policy, controller, or of the events of a plugin ('plugin: event'). */
  metrics(source: string): MetricPanel | undefined
  /** The latest numbers in facts, by dotted names ('gate.0'). */
  latest(source: string): Readonly<Record<string, number>> | undefined
  images(source: string): readonly ImageLine[]
}

const builtIn: Readonly<Record<string, string>> = {
  'weights.progress': 'weights',
  'policy.progress': 'policy',
  'controller.updated': 'controller',
}

/** The source of a panel: 'weights', 'policy', 'controller' or 'plugin: event'. */
export const sourceOf = (declaring: string, { event, plugin = declaring }: Panel): string =>
  builtIn[event] ?? `${plugin}: ${event}`

const isUnder = (name: string, wanted: string) => name === wanted || name.startsWith(`${wanted}.`)

/** A declared panel with what was reported so far; undefined where nothing was. */
export function filled(declaring: string, panel: Panel, reported: Reported): DeclaredPanel | undefined {
  const source = sourceOf(declaring, panel)
  const head = { title: panel.title, ...(panel.about !== undefined && { about: panel.about }) }
  switch (panel.kind) {
    case 'lines': {
      const found = reported.metrics(source)
      const shown = Object.entries(found?.metrics ?? {}).filter(([name]) =>
        panel.metrics.some((wanted) => isUnder(name, wanted)),
      )
      if (!found || shown.length === 0) return undefined
      const { of, by, x, each } = found
      return { kind: 'lines', ...head, of, by, x, each, metrics: Object.fromEntries(shown) }
    }
    case 'bars': {
      const shown = Object.entries(reported.latest(source) ?? {}).filter(([name]) => isUnder(name, panel.values))
      if (shown.length === 0) return undefined
      const names = shown.map(([name]) => name.slice(panel.values.length + 1) || name)
      return { kind: 'bars', ...head, names, values: shown.map(([, value]) => value) }
    }
    case 'images': {
      const images = reported.images(source)
      return images.length === 0 ? undefined : { kind: 'images', ...head, images }
    }
  }
}

/** Whether a declared panel already draws a metric of a source. */
export const isDrawn = (declaring: string, panel: Panel, source: string, name: string): boolean =>
  sourceOf(declaring, panel) === source &&
  (panel.kind === 'lines'
    ? panel.metrics.some((wanted) => isUnder(name, wanted))
    : panel.kind === 'bars' && isUnder(name, panel.values))
