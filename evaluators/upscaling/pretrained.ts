import { fileURLToPath } from 'node:url'
import { optionError } from '../../core/options/index.ts'
import { type LoadedUpscaler, loadUpscaler, type UpscalerModel } from './model.ts'

/** Models of one kind, one for each scale. */
export interface UpscalerFamily {
  /** In rising order. */
  readonly scales: readonly number[]
  /** The model of one of these scales; the family keeps it. */
  at(scale: number): Promise<UpscalerModel>
}

/** The scales of the networks that come with archloom. */
export const pretrainedScales = [2, 3, 4] as const

const isSource = import.meta.url.endsWith('.ts')
const root = new URL(isSource ? './pretrained/' : '../../../evaluators/upscaling/pretrained/', import.meta.url)

/**
 * The folder of the network of a scale that comes with archloom, for `loadUpscaler`: the compact network of 32 features
 * and 5 blocks, trained on bicubically reduced images. README.md in the folder above names the images and their licences.
 */
export const pretrainedFolder = (scale: (typeof pretrainedScales)[number] = 2): string =>
  fileURLToPath(new URL(`x${scale}`, root))

/** The networks that come with archloom, each loaded when it is first needed. */
export function pretrainedUpscalers(): UpscalerFamily & Disposable {
  const loaded = new Map<number, Promise<LoadedUpscaler>>()
  return {
    scales: pretrainedScales,
    at(scale) {
      const known = pretrainedScales.find((each) => each === scale)
      if (known === undefined) throw optionError('pretrainedUpscalers().at()', 'scale', scale, '2, 3 or 4')
      const model = loaded.get(scale) ?? loadUpscaler(pretrainedFolder(known))
      loaded.set(scale, model)
      return model
    },
    [Symbol.dispose]() {
      for (const model of loaded.values()) model.then((each) => each[Symbol.dispose]()).catch(() => {})
    },
  }
}
