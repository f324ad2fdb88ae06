import { describe, expect, it } from 'vitest'
import { plans, reproduce } from '../../../plugins/abs/experiment.ts'
import { claimsOf, type Row } from '../../../plugins/abs/experiment-claims.ts'

const row = (arm: Row['arm'], accuracy: number, extra: Partial<Row> = {}): Row => ({
  arm,
  accuracy,
  seed: 1,
  validation: 0,
  share: 0.01,
  target: 0.01,
  bops: 1,
  ...extra,
})

describe('claims', () => {
  const rows = [
    row('random bits', 0.5),
    row('uniform 4 bits', 0.6),
    row('uniform 2 bits', 0.4),
    row('two-stage', 0.5),
    row('multi-path', 0.6, { searchSeconds: 30, liveBytes: 50 }),
    row('ABS-Q', 0.61, { searchSeconds: 10, liveBytes: 20 }),
    row('ABS', 0.55),
  ]
  const sweep = [8, 6, 6, 2].map((bits, i) => ({ lambda: i, weights: bits, activations: bits, share: 0.1 }))

  it('hold when the figures say so', () => {
    const claims = claimsOf(rows, sweep)
    expect(claims.map(({ holds }) => holds)).toEqual(claims.map(() => true))
    expect(claims.find(({ id }) => id === 'A2 search time')?.ours.mean).toBe(3)
  })

  it('do not hold when the figures say no', () => {
    const worse = rows.map((each) => {
      if (each.arm === 'ABS-Q') return { ...each, accuracy: 0.3, searchSeconds: 20, liveBytes: 40 }
      return each.arm === 'ABS' ? { ...each, accuracy: 0.2, share: 0.02 } : each
    })
    const claims = claimsOf(worse, [...sweep].reverse())
    expect(claims.map(({ holds }) => holds)).toEqual(claims.map(() => false))
  })

  it('are of means and deviations', () => {})

  it('the paper scale is the published protocol', () => {
    expect(plans.paper).toMatchObject({ depth: 20, widths: [16, 32, 64], groupSize: 4, fineTuneEpochs: 200, seeds: 5 })
    expect(plans.paper).toMatchObject({
      searchSteps: 11_730,
      searchRate: 0.001,
      fineTuneLearningRate: 0.1,
      batchSize: 128,
    })
  })

  it.runIf(process.env.ARCHLOOM_SLOW)('come out of the smallest run whole (ARCHLOOM_SLOW=1)', async () => {
    const { signal } = new AbortController()
    const found = await reproduce({ scale: 'smoke', seed: 1, log: () => {}, signal })
    expect(found.rows).toHaveLength(9)
    expect(found.sweep.map(({ lambda }) => lambda)).toEqual([0, 0.01, 0.03, 0.1, 0.3])
    expect(found.claims.find(({ id }) => id === 'λ calibration')?.holds).toBe(true)
    for (const { ours, baseline } of found.claims)
      for (const { mean } of [ours, baseline!]) expect(Number.isFinite(mean)).toBe(true)
  })
})
