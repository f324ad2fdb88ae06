import * as tf from '@tensorflow/tfjs-core'
import { downscaleBicubic } from '../data/images/bicubic.ts'
import type { PicturePair } from '../data/images/pairs.ts'
import type { Picture } from '../data/images/picture.ts'
import { fromTensor, toTensor } from '../data/images/tensors.ts'
import { error } from './errors.ts'
import { psnr } from './psnr.ts'
import { ssim } from './ssim.ts'

/** [1, h, w, 3] → [1, h·scale, w·scale, 3], values 0 to 255. It is called inside a tidy. */
export type Upscale = (lr: tf.Tensor4D) => tf.Tensor

export interface UpscalingQuality {
  /** Mean PSNR of luma in dB over the images, with a border of `scale` pixels removed. */
  readonly psnr: number
  readonly ssim: number
  /**
   * PSNR in dB between the result, shrunk again by bicubic, and the given small image: how well the result agrees with
   * it.
   */
  readonly lrConsistency: number
  readonly images: readonly { readonly name: string; readonly psnr: number; readonly ssim: number }[]
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length

/** Enlarges an image with an upscaler; no tensor is left behind. */
export async function upscaled(upscale: Upscale, lr: Picture): Promise<Picture> {
  const y = tf.tidy(() => upscale(toTensor(lr)))
  try {
    return await fromTensor(y)
  } finally {
    y.dispose()
  }
}

/**
 * Measures an upscaler on whole images as published tables do: rounded to bytes, on luma, with a border of `scale`
 * pixels removed, averaged over images. SSIM is NaN for images smaller than its window. Errors:
 * ARCHLOOM_METRIC_NO_EXAMPLES, ARCHLOOM_METRIC_IMAGE if the result has another size.
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
