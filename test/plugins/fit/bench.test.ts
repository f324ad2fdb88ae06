import { describe, expect, it } from 'vitest'
import { summaryOf } from '../../bench/fit/summary.ts'
import type { Finished } from '../../bench/fit/units.ts'
import { unitsOf } from '../../bench/fit.ts'

const unit = (
  arm: Finished['arm'],
  seed: number,
  value: number,
  metric: Finished['metric'] = 'accuracy',
): Finished => ({
  set: metric === 'rmse' ? 'bikeshare' : 'cifar-10',
  arm,
  seed,
  minutes: 1,
  metric,
  value,
})

describe('the benchmark of fit', () => {
  it('runs all arms of a seed in turn, and tables for one minute without a network made by hand', () => {
    const units = unitsOf({ minutes: 2, seeds: 2, only: 'cifar-10,hr' })
    expect(units.map(({ set, arm, seed, minutes }) => `${set} ${arm} ${seed} ${minutes}`)).toEqual([
      'cifar-10 fit 1 2',
      'cifar-10 hand-made 1 2',
      'cifar-10 random 1 2',
      'cifar-10 fit 2 2',
      'cifar-10 hand-made 2 2',
      'cifar-10 random 2 2',
      'hr fit 1 1',
      'hr random 1 1',
      'hr fit 2 1',
      'hr random 2 1',
    ])
    expect(unitsOf({ seeds: 1, only: 'tables', arms: 'fit' })).toHaveLength(3)
    const small = unitsOf({ seeds: 1, only: 'fashion-mnist,hr', arms: 'fit,compressed' })
    expect(small.map(({ set, arm }) => `${set} ${arm}`)).toEqual([
      'fashion-mnist fit',
      'fashion-mnist compressed',
      'hr fit',
    ])
    expect(() => unitsOf({ only: 'cifar' })).toThrow('--only cifar: expected some of images, tables, cifar-10')
    expect(() => unitsOf({ arms: 'hand' })).toThrow('--arms hand: expected some of fit, hand-made, random, compressed')
  })

  it('pairs the seeds that both arms have finished', () => {
    const [result] = summaryOf([
      unit('fit', 1, 0.7),
      unit('hand-made', 1, 0.66),
      unit('fit', 2, 0.8),
      unit('hand-made', 2, 0.7),
    ])
    expect(result).toMatchObject({
      name: 'cifar-10, 1 min: fit against hand-made',
      unit: 'accuracy, ± 0.0707, 2 seeds',
    })
    expect(result!.value).toBeCloseTo(0.75, 12)
    expect(result!.reference).toBe('0.6800 ± 0.0283; paired gain 0.0700 ± 0.0424')
    expect(result!.ratio).toBeCloseTo(0.75 / 0.68, 12)
  })

  it('counts a lower error as a gain, and leaves out what is not finished', () => {
    const results = summaryOf([unit('fit', 1, 30, 'rmse'), unit('random', 1, 33, 'rmse'), unit('random', 2, 9, 'rmse')])
    expect(results).toHaveLength(1)
    expect(results[0]).toMatchObject({
      value: 30,
      ratio: 1.1,
      reference: '33.0000 ± 0.0000; paired gain 3.0000 ± 0.0000',
    })
    expect(summaryOf([unit('random', 1, 0.5)])).toEqual([])
  })
})
