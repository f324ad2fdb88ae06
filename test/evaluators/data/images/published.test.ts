import { basename, join } from 'node:path'
import { expect, it } from 'vitest'
import {
  cropToMultiple,
  downscaleBicubic,
  findPairs,
  type Picture,
  picturesIn,
  readPicture,
  upscaleBicubic,
} from '../../../../evaluators/data/images/index.ts'
import { psnr, ssim } from '../../../../evaluators/metrics/index.ts'
import { describeWithData } from '../../../conditional-suites.ts'

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length

describeWithData('the published low-resolution images', ['sr/Set5', 'sr/BSD100'], (root) => {
  it.each([
    ['Set5', 2, 5],
    ['Set5', 3, 5],
    ['Set5', 4, 5],
    ['BSD100', 2, 33],
    ['BSD100', 4, 33],
  ] as const)('of %s ×%i are made byte for byte', { timeout: 60_000 }, async (set, scale, count) => {
    const folder = join(root, 'sr', set)
    const files = await picturesIn(join(folder, 'HR'))
    expect(files.length).toBe(count)
    for (const file of files) {
      const small = join(folder, 'LR_bicubic', `X${scale}`, `${basename(file, '.png')}x${scale}.png`)
      const [hr, lr] = [await readPicture(file), await readPicture(small)]
      const made = downscaleBicubic(hr, scale)
      expect([made.height, made.width], file).toEqual([lr.height, lr.width])
      expect(Buffer.compare(made.pixels, lr.pixels), file).toBe(0)
    }
  })

  it.each([
    [2, 33.679, 0.9304, [37.088, 36.831, 27.438, 34.883, 32.153]],
    [3, 30.406, 0.869, undefined],
    [4, 28.432, 0.8113, [31.786, 30.187, 22.101, 31.615, 26.469]],
  ] as const)(
    'of Set5 give the bicubic figures of the field at ×%i',
    { timeout: 60_000 },
    async (scale, all, similar, each) => {
      const found = await findPairs('Set5', { scale })
      const pairs = found?.pairs ?? []
      expect(found?.notes).toEqual([])
      const options = { border: scale }
      const measured = (metric: (a: Picture, b: Picture, o: { border: number }) => number) =>
        pairs.map(({ lr, hr }) => metric(upscaleBicubic(lr, scale), cropToMultiple(hr, scale), options))
      const ratios = measured(psnr)
      expect(mean(ratios)).toBeCloseTo(all, 3)
      expect(mean(measured(ssim))).toBeCloseTo(similar, 4)
      if (scale === 2) expect(mean(measured((a, b, o) => psnr(a, b, { ...o, on: 'rgb' })))).toBeCloseTo(31.796, 3)
      if (each) expect(ratios.map((ratio) => Number(ratio.toFixed(3)))).toEqual(each)
    },
  )
})
