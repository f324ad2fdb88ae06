import { statSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import { seeded } from '../../../core/random.ts'
import { useEngine } from '../../../core/tensor/index.ts'
import { downscaleBicubic, drawScene, upscaleBicubic } from '../../../evaluators/data/images/index.ts'
import { psnr } from '../../../evaluators/metrics/index.ts'
import {
  pretrainedFolder,
  pretrainedScales,
  pretrainedUpscalers,
  upscaleTiled,
} from '../../../evaluators/upscaling/index.ts'

beforeAll(async () => {
  await useEngine('wasm')
})

it.each(pretrainedScales)('the network for ×%i is small', (scale) => {
  expect(statSync(join(pretrainedFolder(scale), 'weights.safetensors')).size).toBeLessThan(500_000)
})

it.each(pretrainedScales)('×%i of generated scenes is better than bicubic interpolation', async (scale) => {
  using family = pretrainedUpscalers()
  const { network, description } = await family.at(scale)
  expect(description.scale).toBe(scale)
  for (const seed of ['a', 'b']) {
    const hr = drawScene(24 * scale, 30 * scale, seeded(`never seen ${seed}`))
    const lr = downscaleBicubic(hr, scale)
    const ours = await upscaleTiled({ network, reach: description.reach }, lr, { tile: 64 })
    const bicubic = psnr(upscaleBicubic(lr, scale), hr, { border: scale })
    expect(psnr(ours, hr, { border: scale })).toBeGreaterThan(bicubic + 0.2)
  }
})
