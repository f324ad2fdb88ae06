interface PanelOf<K extends string> {
  readonly kind: K
  /** Heading of the panel. */
  readonly title: string
  /** One sentence below the heading. */
  readonly about?: string
  /**
   * What is shown: 'weights.progress', 'policy.progress' or 'controller.updated', or the name of a plugin's own events
   * (`plugin.event`).
   */
  readonly event: string
  /** The plugin whose own events are meant. Default: the plugin that declares the panel. */
  readonly plugin?: string
}

/** Curves of metrics in one chart, by step or by event. */
export interface LinesPanel extends PanelOf<'lines'> {
  /** Names of metrics or facts; `gate` stands for all entries of the list or record `gate`, and `gate.0` for one. */
  readonly metrics: readonly string[]
}

/** The numbers of a list or of a record in the latest event, as bars. */
export interface BarsPanel extends PanelOf<'bars'> {
  /** Name of the fact. */
  readonly values: string
}

/**
 * The latest images among the facts of events. An image is the path of a PNG, JPEG, WebP or GIF file, `artifact:` and
 * the name of an artifact of the study, or a `data:` URL. What stands beside it in the same record is its caption.
 */
export interface ImagesPanel extends PanelOf<'images'> {}

/**
 * How a page shows what a plugin reports. Panels are plain data: a plugin declares them (`definePlugin({ panels })`),
 * they are written into the first event of a study, and a dashboard in another process draws them without the plugin.
 */
export type Panel = LinesPanel | BarsPanel | ImagesPanel

const isText = (value: unknown) => typeof value === 'string' && value !== '' && value.length <= 500
const isOptionalText = (value: unknown) => value === undefined || isText(value)

/** Whether a value has the form of a panel. */
export function isPanel(value: unknown): value is Panel {
  if (typeof value !== 'object' || value === null || !('kind' in value)) return false
  const { kind, title, about, event, plugin, metrics, values } = { ...value } as Readonly<Record<string, unknown>>
  if (!isText(title) || !isText(event) || !isOptionalText(about) || !isOptionalText(plugin)) return false
  if (kind === 'lines') return Array.isArray(metrics) && metrics.length > 0 && metrics.every(isText)
  return kind === 'bars' ? isText(values) : kind === 'images'
}
