import { optionError } from '../../core/options/index.ts'
import { type Enlarging, selfEnsembled } from './enlarger.ts'
import { error } from './errors.ts'
import type { UpscalerModel } from './model.ts'
import type { UpscalerFamily } from './pretrained.ts'

export interface Size {
  readonly height: number
  readonly width: number
}

/** How large results become. Neither: the scale of the model, or ×2 where there are models of several scales. */
export interface SizeOptions {
  /**
   * Enlargement of both sides; may be fractional. The next larger network is used, and its result is reduced by
   * Lanczos interpolation. Not together with `to`.
   */
  readonly scale?: number
  /**
   * The size to write, in pixels. If only the width or the height is given, the other one follows. The result of the
   * next larger network is brought to it by Lanczos interpolation.
   */
  readonly to?: { readonly width?: number; readonly height?: number }
}

/** What is done with an image. */
export interface Plan {
  /** Scale of the network; 1: none is needed. */
  readonly network: number
  /** What the network makes. */
  readonly large: Size
  /** What is written. */
  readonly written: Size
  readonly notes: readonly string[]
}

/** Checks the options before anything is read. Error: ARCHLOOM_OPTION. */
export function checkSizeOptions(where: string, { scale, to }: SizeOptions): void {
  if (scale !== undefined && !(typeof scale === 'number' && scale >= 1 && scale <= 1000))
    throw optionError(where, 'scale', scale, 'a number from 1 to 1000')
  if (scale !== undefined && to !== undefined) throw optionError(where, 'to', to, 'nothing where `scale` is given')
  for (const [option, received] of Object.entries(to ?? {}))
    if (!['width', 'height'].includes(option) || !Number.isInteger(received) || received < 1 || received > 65_535)
      throw optionError(
        where,
        `to.${option}`,
        received,
        'a width or height as a whole number of pixels from 1 to 65535',
      )
}

/**
 * Which network an image needs, and the size of what is written: the smallest one that reaches the size.
 * Error: ARCHLOOM_UPSCALING_SCALE for a scale that none reaches.
 */
export function planFor({ height, width }: Size, scales: readonly number[], { scale, to }: SizeOptions): Plan {
  const largest = scales.at(-1) as number
  const [first = largest] = scales
  if (scale !== undefined && scale > largest) throw error('ARCHLOOM_UPSCALING_SCALE', { received: scale, scales })
  const written = to
    ? sizeTo({ height, width }, to)
    : {
        height: Math.max(1, Math.round(height * (scale ?? first))),
        width: Math.max(1, Math.round(width * (scale ?? first))),
      }
  const wanted = to ? Math.max(written.height / height, written.width / width) : (scale ?? first)
  const network = wanted <= 1 ? 1 : (scales.find((each) => each >= wanted - 1e-9) ?? largest)
  const notes = [
    ...(to && wanted <= 1 ? ['it is not larger, so no network was used'] : []),
    ...(wanted > largest ? [`enlarged ×${largest} by the network, and further by interpolation`] : []),
  ]
  return { network, large: { height: height * network, width: width * network }, written, notes }
}

function sizeTo({ height, width }: Size, to: NonNullable<SizeOptions['to']>): Size {
  const across = to.width ?? Math.max(1, Math.round((width * (to.height ?? 1)) / height))
  return { width: across, height: to.height ?? Math.max(1, Math.round((height * across) / width)) }
}

/** A model, or several of different scales, as a family; with `ensemble` each averages over the symmetries. */
export function familyOf(models: UpscalerModel | UpscalerFamily, ensemble: boolean): UpscalerFamily {
  const family = 'at' in models ? models : { scales: [models.description.scale], at: async () => models }
  if (!ensemble) return family
  const made = new WeakMap<UpscalerModel, Enlarging>()
  return {
    scales: family.scales,
    async at(scale) {
      const model = await family.at(scale)
      const network = made.get(model) ?? selfEnsembled(model.network)
      made.set(model, network)
      return { network, description: model.description }
    },
  }
}
