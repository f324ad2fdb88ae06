import * as tf from '@tensorflow/tfjs-core'
import { downscaleBicubic } from '../data/images/bicubic.ts'
import type { PicturePair } from '../data/images/pairs.ts'
import type { Picture } from '../data/images/picture.ts'
import { fromTensor, toTensor } from '../data/images/tensors.ts'
import { error } from './errors.ts'
import { psnr } from './psnr.ts'
import { ssim } from './ssim.ts'

/** [1, h, w, 3] → [1, h·scale, w·scale, 3], values 0 to 255. Called inside a tidy. */
export type Upscale = (lr: tf.Tensor4D) => tf.Tensor

export interface UpscalingQuality {
  /** Mean over the images of the PSNR of luma in dB, a border of `scale` pixels removed. */
  readonly psnr: number
  readonly ssim: number
  /** PSNR in dB between the result, shrunk again by bicubic, and the given small image: does it explain what was seen? */
  readonly lrConsistency: number
  readonly images: readonly { readonly name: string; readonly psnr: number; readonly ssim: number }[]
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length

/** The picture that an upscaler makes of another; no tensor stays behind. */
export async function upscaled(upscale: Upscale, lr: Picture): Promise<Picture> {
  const y = tf.tidy(() => upscale(toTensor(lr)))
  try {
    return await fromTensor(y)
  } finally {
    y.dispose()
  }
}

/**
 * Measures an upscaler on whole images as the field's tables do: rounded to bytes, luma, border of `scale` removed,
 * averaged over images. SSIM is NaN for images smaller than its window.
 * Errors: ARCHLOOM_METRIC_NO_EXAMPLES, ARCHLOOM_METRIC_IMAGE where the result has another size.
 */
export async function upscalingQuality(
  upscale: Upscale,
  pairs: readonly PicturePair[],
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<UpscalingQuality> {
  if (pairs.length === 0) throw error('ARCHLOOM_METRIC_NO_EXAMPLES', { role: 'image pair' })
  const images: { name: string; psnr: number; ssim: number }[] = []
  const consistency: number[] = []
  for (const { name, lr, hr, scale } of pairs) {
    const result = await upscaled(upscale, lr)
    signal?.throwIfAborted()
    const options = { border: scale }
    const measured = psnr(result, hr, options)
    const roomy = Math.min(hr.height, hr.width) - 2 * scale >= 11
    images.push({ name, psnr: measured, ssim: roomy ? ssim(result, hr, options) : Number.NaN })
    consistency.push(psnr(downscaleBicubic(result, scale), lr))
  }
  return {
    psnr: mean(images.map((image) => image.psnr)),
    ssim: mean(images.map((image) => image.ssim)),
    lrConsistency: mean(consistency),
    images,
  }
}
