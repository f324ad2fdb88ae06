import { constant, cosine, linear, oneCycle, type Schedule, stepDecay } from 'archloom/evaluators/training'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

const values = (schedule: Schedule, steps: number) => Array.from({ length: steps }, (_, step) => schedule(step, steps))

describe('schedules', () => {
  it('constant and linear are what they say', () => {
    expect(values(constant(0.1), 3)).toEqual([0.1, 0.1, 0.1])
    expect(values(linear({ from: 0, to: 1 }), 5)).toEqual([0, 0.25, 0.5, 0.75, 1])
    expect(values(linear({ from: 3, to: 1 }), 1)).toEqual([3])
  })

  it('cosine starts at its peak, is half way down in the middle, and rises in a line before', () => {
    const schedule = cosine({ peak: 1, floor: 0.2 })
    expect(schedule(0, 100)).toBe(1)
    expect(schedule(50, 100)).toBeCloseTo(0.6, 12)
    expect(schedule(100, 100)).toBeCloseTo(0.2, 12)
    const warm = values(cosine({ peak: 1, warmUp: { share: 0.4 } }), 10)
    expect(warm.slice(0, 5)).toEqual([0.25, 0.5, 0.75, 1, 1])
    expect(warm[7]).toBeCloseTo(0.5, 12)
  })

  it('stepDecay drops at the given shares', () => {
    const drops = values(stepDecay({ start: 1, factor: 0.5, at: [0.25, 0.5] }), 8)
    expect(drops).toEqual([1, 1, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25])
  })

  it('oneCycle goes from peak / 25 to the peak at three tenths, and down to peak / 10,000', () => {
    const cycle = values(oneCycle({ peak: 1 }), 101)
    expect(cycle[0]).toBeCloseTo(1 / 25, 12)
    expect(cycle[15]).toBeCloseTo((1 + 1 / 25) / 2, 12)
    expect(cycle[30]).toBeCloseTo(1, 12)
    expect(cycle[100]).toBeCloseTo(1e-4, 12)
  })

  it('stay between 0 and their peak at every step of any run', () => {
    const any = fc.record({
      peak: fc.double({ min: 1e-4, max: 10, noNaN: true }),
      share: fc.double({ min: 0, max: 0.99, noNaN: true }),
      steps: fc.integer({ min: 1, max: 300 }),
    })
    fc.assert(
      fc.property(any, ({ peak, share, steps }) => {
        const schedules = [
          cosine({ peak, warmUp: { share } }),
          stepDecay({ start: peak, at: [share] }),
          oneCycle({ peak, rise: share }),
        ]
        return schedules.every((schedule) =>
          values(schedule, steps).every((value) => value >= 0 && value <= peak * (1 + 1e-9)),
        )
      }),
    )
  })

  it('refuse numbers that make no schedule', () => {
    for (const bad of [
      () => cosine({ peak: Number.NaN }),
      () => cosine({ peak: 1, warmUp: { share: 1 } }),
      () => stepDecay({ start: 1, at: [0.5, 0.25] }),
      () => stepDecay({ start: 0 }),
      () => oneCycle({ peak: 1, rise: -0.1 }),
    ])
      expect(bad).toThrow('ARCHLOOM_OPTION')
  })
})
