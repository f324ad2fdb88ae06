import type { Json, SearchEvent } from '../../core/index.ts'
import type { ImageLine } from './protocol.ts'

/** Images that are kept of each kind of event: the latest ones. */
const KEPT = 60
/** Kinds of events whose images are kept. */
const KINDS = 30

interface Kept extends ImageLine {
  /** Where the name of the image stands: among the facts of this event, under these keys. */
  readonly keys: readonly string[]
}

const IMAGE_FILE = /\.(png|jpe?g|webp|gif)$/i
const IMAGE_DATA = /^data:image\/(png|jpeg|webp|gif);base64,/

/** Whether a text among facts names an image: see `ImagesPanel`. */
const isImageName = (text: string): boolean => IMAGE_FILE.test(text) || IMAGE_DATA.test(text)

/** The names of images anywhere among facts, with the keys that lead to them and what stands beside them. */
function* imagesIn(facts: Json, keys: readonly string[] = []): Generator<{ keys: readonly string[]; caption: string }> {
  if (typeof facts !== 'object' || facts === null) return
  const beside = Object.entries(facts).filter(
    ([, value]) => typeof value === 'number' || (typeof value === 'string' && !isImageName(value)),
  )
  const caption = beside
    .map(([name, value]) => `${name} ${typeof value === 'number' ? Number(value.toPrecision(4)) : value}`)
    .join(', ')
  const names = Object.entries(facts).filter(([, value]) => typeof value === 'string' && isImageName(value))
  for (const [name] of names)
    yield { keys: [...keys, name], caption: names.length > 1 ? [name, caption].filter(Boolean).join(', ') : caption }
  for (const [name, value] of Object.entries(facts)) yield* imagesIn(value, [...keys, name])
}

/** The images that plugins reported. Only where their names stand is kept: `data:` URLs may be large. */
export class ReportedImages {
  readonly #kinds = new Map<string, Kept[]>()
  #next = 0

  /** `kind` is the plugin and the name of the event. */
  take(event: Extract<SearchEvent, { type: 'plugin.event' }>, kind: string): void {
    for (const { keys, caption } of imagesIn(event.facts)) {
      const kept = this.#kinds.get(kind) ?? []
      if (kept.length === 0 && this.#kinds.size >= KINDS) return
      this.#kinds.set(kind, kept)
      kept.push({ id: this.#next++, seq: event.seq, keys, at: event.at, caption: caption.slice(0, 300) })
      if (kept.length > KEPT) kept.shift()
    }
  }

  get kinds(): readonly string[] {
    return [...this.#kinds.keys()]
  }

  /** The latest first. */
  lines(kind: string): readonly ImageLine[] {
    return (this.#kinds.get(kind) ?? []).map(({ keys: _, ...line }) => line).reverse()
  }

  find(id: number): { readonly seq: number; readonly keys: readonly string[] } | undefined {
    for (const kept of this.#kinds.values()) for (const each of kept) if (each.id === id) return each
    return undefined
  }
}
