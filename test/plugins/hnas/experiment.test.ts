import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { seeded } from '../../../core/index.ts'
import { useEngine } from '../../../core/tensor/index.ts'
import { generatedPairs, readPicture, upscaleBicubic } from '../../../evaluators/data/images/index.ts'
import { writeComparison } from '../../../evaluators/upscaling/index.ts'
import {
  type ArmSettings,
  armNames,
  randomAtCost,
  searchArchitecture,
  trainArm,
} from '../../../plugins/hnas/experiment/arms.ts'
import { monotone } from '../../../plugins/hnas/experiment/forms.ts'
import { positionLandscape, positionReward, tradeOffSweep } from '../../../plugins/hnas/experiment/landscapes.ts'
import { scales } from '../../../plugins/hnas/experiment/scales.ts'
import {
  HNAS_A,
  type NormalOperationName,
  superResolutionSpace,
} from '../../../search-spaces/super-resolution/index.ts'

beforeAll(async () => {
  await useEngine('wasm')
})

describe('landscapes', () => {
  it('E2 the controller spends more where cost weighs less', () => {
    const [[frugal, lavish]] = tradeOffSweep([0.2, 1], { steps: 150, seeds: 1, samples: 100 }, 1) as [[number, number]]
    expect(lavish).toBeGreaterThan(1.5 * frugal)
  })

  it('E4 the best position depends on the cell', () => {
    const all = (op: NormalOperationName) => {
      const edge = { input: 0, op }
      return { normal: [{ left: edge, right: edge }] }
    }
    const [light, heavy] = [all('skip_connect'), all('rcab')]
    expect(positionReward({ ...light, position: 0 })).toBe(1)
    expect(positionReward({ ...heavy, position: 11 })).toBe(1)
    expect(positionReward({ ...heavy, position: 9 })).toBe(0.75)
  })

  it('E4 both controllers become better than an untrained one', () => {
    const settings = { steps: 400, seeds: 1, samples: 100 }
    const [untrained] = positionLandscape(true, { ...settings, steps: 0 }, 1)
    for (const hierarchical of [true, false]) {
      const [run] = positionLandscape(hierarchical, settings, 1)
      expect(run?.reward).toBeGreaterThan(untrained?.reward as number)
      expect(Math.abs(run?.correlation as number)).toBeLessThanOrEqual(1)
    }
  })
})

describe('claims', () => {
  it('hold as computed', () => {
    expect(
      monotone('λ', 'cost', [
        [1, 3, 4],
        [2, 2, 5],
      ]).holds,
    ).toBe(true)
    expect(monotone('λ', 'cost', [[1, 3, 2]]).holds).toBe(false)
  })
})

describe('arms', () => {
  const settings: ArmSettings = {
    ...scales.smoke.arm,
    retrainSteps: 2,
    images: 1,
    calibrationBatches: 1,
    search: { ...scales.smoke.arm.search, epochs: 1, weightSteps: 1, policySteps: 1, candidates: 2 },
  }
  const pairs = (seed: number) => generatedPairs(2, { scale: 2, size: 32, seed })
  const pictures = { name: 'scenes', train: pairs(1), validation: pairs(2), tests: { scenes: pairs(3) }, notes: [] }
  const signal = new AbortController().signal

  it('are measured on the same images at nearly the same multiply-adds', async () => {
    const searched = await searchArchitecture({ settings, pictures, tradeOff: 0.5, seed: 1, signal })
    const costs: number[] = []
    for (const arm of armNames) {
      const result = await trainArm(arm, { settings, pictures, seed: 1, signal }, searched)
      expect(result.tests.scenes?.psnr).toBeGreaterThan(10)
      expect(result.picture).toMatchObject({ height: 32, width: 32 })
      costs.push(result.multiplyAdds)
    }
    // Channels are whole numbers, and few here.
    for (const cost of costs) expect(Math.abs(cost / costs[0]! - 1)).toBeLessThan(0.5)
  })

  it('random architectures cost what they are asked to', () => {
    const space = superResolutionSpace()
    const form = { input: [48, 48, 3], classes: 0 }
    const { multiplyAdds } = space.cost(HNAS_A, form)
    const found = space.cost(randomAtCost(space, multiplyAdds, 0.05, seeded(1)), form)
    expect(Math.abs(found.multiplyAdds / multiplyAdds - 1)).toBeLessThanOrEqual(0.05)
  })
})

it('the comparison is bicubic, ours and truth in a row', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'archloom-hnas-picture-'))
  try {
    const [pair] = generatedPairs(1, { scale: 2, size: 20 })
    if (!pair) throw new Error('one pair')
    const path = join(folder, 'comparison.png')
    await writeComparison(path, pair, upscaleBicubic(pair.lr, 2))
    const { height, width, pixels } = await readPicture(readFileSync(path))
    expect([height, width]).toEqual([20, 68])
    const row = (from: number) => [...pixels.subarray(3 * from, 3 * (from + 20))]
    expect(row(0)).toEqual(row(24))
    expect(row(48)).toEqual([...pair.hr.pixels.subarray(0, 60)])
  } finally {
    rmSync(folder, { recursive: true })
  }
})
