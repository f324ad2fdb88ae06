/**
 * PSNR and SSIM of the luma of the networks that come with archloom, beside bicubic interpolation, on the public sets of
 * test images in ARCHLOOM_DATA (sr/Set5, sr/BSD100), reduced by MATLAB's bicubic; a border of the scale is removed.
 *     ARCHLOOM_DATA=… npm run bench -- pretrained-upscalers [--json]
 */
import type { Bench, BenchResult } from '../../core/cli/commands/bench.ts'
import { useEngine } from '../../core/tensor/index.ts'
import { findPairs, type Picture, type PicturePair, upscaleBicubic } from '../../evaluators/data/images/index.ts'
import { psnr, ssim } from '../../evaluators/metrics/index.ts'
import { pretrainedUpscalers, upscaleTiled } from '../../evaluators/upscaling/index.ts'

type Enlarge = (lr: Picture) => Picture | Promise<Picture>

async function quality(pairs: readonly PicturePair[], enlarge: Enlarge) {
  let [noise, likeness] = [0, 0]
  for (const { lr, hr, scale } of pairs) {
    const result = await enlarge(lr)
    noise += psnr(result, hr, { border: scale }) / pairs.length
    likeness += ssim(result, hr, { border: scale }) / pairs.length
  }
  return { psnr: noise, ssim: likeness }
}

export async function run({ log = () => {} }: { readonly log?: (line: string) => void } = {}): Promise<Bench> {
  await useEngine()
  using family = pretrainedUpscalers()
  const results: BenchResult[] = []
  for (const [set, scale] of [
    ['Set5', 2],
    ['Set5', 3],
    ['Set5', 4],
    ['BSD100', 2],
    ['BSD100', 4],
  ] as const) {
    const found = await findPairs(set, { scale })
    if (!found) throw new Error(`sr/${set} is missing: set ARCHLOOM_DATA to the folder that holds it`)
    const { network, description } = await family.at(scale)
    const ours = await quality(found.pairs, (lr) =>
      upscaleTiled({ network, reach: description.reach }, lr, { tile: 128 }),
    )
    const bicubic = await quality(found.pairs, (lr) => upscaleBicubic(lr, scale))
    log(`${set} ×${scale} measured: ${found.pairs.length} images`)
    results.push(
      { name: `${set} ×${scale}: PSNR`, value: ours.psnr, unit: 'dB' },
      { name: `${set} ×${scale}: PSNR of bicubic`, value: bicubic.psnr, unit: 'dB' },
      { name: `${set} ×${scale}: SSIM`, value: ours.ssim, unit: '' },
      { name: `${set} ×${scale}: SSIM of bicubic`, value: bicubic.ssim, unit: '' },
    )
  }
  return { bench: 'pretrained-upscalers', results }
}
