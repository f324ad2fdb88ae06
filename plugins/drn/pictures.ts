import { join } from 'node:path'
import type { FitOptions } from '../../core/index.ts'
import { list, type OptionsOf, options, required, text, value } from '../../core/options/index.ts'
import type { PicturePair } from '../../evaluators/data/images/index.ts'
import { psnr, upscaled } from '../../evaluators/metrics/index.ts'
import { writeComparison } from '../../evaluators/upscaling/index.ts'
import type { UpscalingNetwork } from '../../search-spaces/super-resolution/index.ts'

export const enlargementFields = {
  directory: required(text({ doc: 'Folder in which the PNG files are written. It is created if it does not exist.' })),
  pairs: required(
    list(value<PicturePair>('a pair of images'), {
      min: 1,
      doc: "Images to show, such as the first of `data.validation.pairs`: of the networks' scale.",
    }),
  ),
}
const declared = options('enlargements', enlargementFields)
export type EnlargementOptions = OptionsOf<typeof declared>

/** Bicubic, network and truth side by side, on disk and in the events of a search. */
export interface Enlargements {
  /** For the trainer's `onTrained`: writes `<n>-<image>.png`, n counting networks from 0. */
  onTrained(
    network: UpscalingNetwork,
    at: { readonly steps: number; readonly tell?: FitOptions['tell'] },
  ): Promise<void>
}

/** Events: plugin.event `pictures` with { network, steps, images: [{ name, picture, psnr }] }. Error: ARCHLOOM_OPTION. */
export function enlargements(given: EnlargementOptions): Enlargements {
  const { directory, pairs } = declared.read(given)
  let count = 0
  return {
    async onTrained(network, { steps, tell }) {
      const number = count++
      const images: { name: string; picture: string; psnr: number }[] = []
      for (const pair of pairs) {
        const ours = await upscaled((lr) => network.upscale(lr, { training: false }), pair.lr)
        const picture = join(directory, `${number}-${pair.name.replaceAll(/[^\w.-]/g, '_')}.png`)
        await writeComparison(picture, pair, ours)
        // Decibels of an image without any error have no end, and JSON has no infinity.
        images.push({ name: pair.name, picture, psnr: Math.min(200, psnr(ours, pair.hr, { border: pair.scale })) })
      }
      tell?.('pictures', { network: number, steps, images }, 'drn')
    },
  }
}
