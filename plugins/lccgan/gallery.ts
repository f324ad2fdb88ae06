import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { EventDraft, News, Random } from '../../core/index.ts'
import { seeded } from '../../core/index.ts'
import { writePicture } from '../../evaluators/data/images/index.ts'
import { pictureGrid } from '../../evaluators/metrics/generative/index.ts'
import type { Gan } from './networks.ts'
import { generated, walked } from './trainer.ts'

export interface GalleryOptions {
  /** Where the PNG files are written; made when needed. */
  readonly folder: string
  /** Samples in a grid. Default 50, ten a row. */
  readonly samples?: number
  /** Images of a walk through the latent space. Default 10. */
  readonly walk?: number
}

/** Pictures of what generators make, on disk and, through `announced`, in the events of a search. */
export interface Gallery extends News {
  /** For the trainer's `onSamples`: writes `<n>-step-<step>-samples.png` and `…-walk.png`, n counting networks from 0. */
  onSamples(network: Gan, at: { readonly step: number }): Promise<void>
  /** The files written since the last call, as events of the plugin: { step, samples, walk }. */
  news(): readonly EventDraft[]
}

/** The same inputs are drawn for every picture, so that pictures of one network can be compared. */
export function gallery({ folder, samples = 50, walk = 10 }: GalleryOptions): Gallery {
  const numbers = new WeakMap<Gan, number>()
  let count = 0
  let pending: EventDraft[] = []
  const write = async (path: string, images: Float32Array, network: Gan, columns: number) =>
    writePicture(path, pictureGrid(images, network.outputShape, { columns }))
  return {
    onSamples: async (network, { step }) => {
      const number = numbers.get(network) ?? count++
      numbers.set(network, number)
      const rng: Random = seeded('gallery')
      const name = (kind: string) => join(folder, `${number}-step-${step}-${kind}.png`)
      await mkdir(folder, { recursive: true })
      await write(name('samples'), generated(network, samples, rng.fork('samples')), network, 10)
      await write(name('walk'), walked(network, walk, rng.fork('walk')), network, walk)
      const facts = { network: number, step, samples: name('samples'), walk: name('walk') }
      pending.push({ type: 'plugin.event', plugin: 'lccgan', name: 'samples', facts })
    },
    news: () => {
      const news = pending
      pending = []
      return news
    },
  }
}
