import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { FitOptions, Json, Random } from '../../core/index.ts'
import { seeded } from '../../core/index.ts'
import { type OptionsOf, options, required, text, whole } from '../../core/options/index.ts'
import { writePicture } from '../../evaluators/data/images/index.ts'
import { pictureGrid } from '../../evaluators/metrics/generative/index.ts'
import type { Gan } from './networks.ts'
import { generated, walked } from './trainer.ts'

export const galleryFields = {
  directory: required(text({ doc: 'Folder in which the PNG files are written. It is created if it does not exist.' })),
  samples: whole({ min: 1, default: 50, doc: 'Samples in a grid.' }),
  walk: whole({ min: 1, default: 10, doc: 'Images of a walk through the latent space.' }),
}
const declared = options('gallery', galleryFields)
export type GalleryOptions = OptionsOf<typeof declared>

/** Images of what generators make, on disk and in the events of a search. */
export interface Gallery {
  /** For the trainer's `onSamples`: writes `<n>-step-<step>-samples.png` and `…-walk.png`, n counting networks from 0. */
  onSamples(network: Gan, at: { readonly step: number; readonly tell?: FitOptions['tell'] }): Promise<void>
  /** The files written so far: { network, step, samples, walk }. */
  readonly written: readonly Json[]
}

/** The same inputs are drawn for every picture, so that pictures of one network can be compared. */
export function gallery(given: GalleryOptions): Gallery {
  const { directory, samples, walk } = declared.read(given)
  const numbers = new WeakMap<Gan, number>()
  let count = 0
  const written: Json[] = []
  const write = async (path: string, images: Float32Array, network: Gan, columns: number) =>
    writePicture(path, pictureGrid(images, network.outputShape, { columns }))
  return {
    onSamples: async (network, { step, tell }) => {
      const number = numbers.get(network) ?? count++
      numbers.set(network, number)
      const rng: Random = seeded('gallery')
      const name = (kind: string) => join(directory, `${number}-step-${step}-${kind}.png`)
      await mkdir(directory, { recursive: true })
      await write(name('samples'), generated(network, samples, rng.fork('samples')), network, 10)
      await write(name('walk'), walked(network, walk, rng.fork('walk')), network, walk)
      const facts = { network: number, step, samples: name('samples'), walk: name('walk') }
      written.push(facts)
      tell?.('samples', facts, 'lccgan')
    },
    written,
  }
}
