import { seeded } from 'archloom'
import { solveKernel } from 'archloom/evaluators/kernel'
import { binFeatures, boost, forestScores } from 'archloom/evaluators/trees'
import { describe, expect, it } from 'vitest'

const settings = {
  rounds: 60,
  learningRate: 0.2,
  leaves: 8,
  leafRows: 2,
  penalty: 1,
  rowShare: 1,
  featureShare: 1,
  patience: 60,
}

describe('boosted trees', () => {
  it('cuts features so that training values and thresholds agree', () => {
    const rng = seeded(1)
    const x = Float32Array.from({ length: 4000 }, () => Math.fround(rng.normal()))
    const { bins, thresholds } = binFeatures(x, 2000, 2)
    for (let f = 0; f < 2; f++) {
      expect(thresholds[f]!.length).toBeLessThanOrEqual(254)
      for (let i = 0; i < 2000; i++) {
        const bin = bins[f * 2000 + i]!
        const value = x[i * 2 + f]!
        if (bin < thresholds[f]!.length) expect(value).toBeLessThanOrEqual(thresholds[f]![bin]!)
        if (bin > 0) expect(value).toBeGreaterThan(thresholds[f]![bin - 1]!)
      }
    }
  })

  it('splits where an exhaustive search does', () => {
    const rng = seeded(7)
    const [rows, features] = [60, 3]
    const x = Float32Array.from({ length: rows * features }, () => Math.fround(rng.float()))
    const values = Float64Array.from({ length: rows }, (_, i) => (x[i * 3 + 1]! > 0.4 ? 2 : -1) + 0.3 * rng.normal())
    const train = { x, rows, target: { kind: 'regression', values } as const }
    const { forest } = boost(train, undefined, features, {
      ...settings,
      rounds: 1,
      leaves: 2,
      learningRate: 1,
      penalty: 0,
      rng,
    })
    const mean = values.reduce((a, b) => a + b) / rows
    let best = { gain: -1, feature: -1, at: 0, left: 0 }
    for (let f = 0; f < features; f++)
      for (let j = 0; j < rows; j++) {
        const cut = x[j * features + f]!
        const left = [...values].filter((_, i) => x[i * features + f]! <= cut)
        const right = [...values].filter((_, i) => x[i * features + f]! > cut)
        if (left.length < 2 || right.length < 2) continue
        const sum = (part: number[]) => part.reduce((a, b) => a + b - mean, 0)
        const gain = sum(left) ** 2 / left.length + sum(right) ** 2 / right.length
        if (gain > best.gain) best = { gain, feature: f, at: cut, left: sum(left) / left.length }
      }
    const [tree] = forest.trees
    expect(tree!.feature[0]).toBe(best.feature)
    for (let i = 0; i < rows; i++)
      expect(x[i * features + best.feature]! <= tree!.threshold[0]!).toBe(x[i * features + best.feature]! <= best.at)
    expect(tree!.value[tree!.left[0]!]).toBeCloseTo(best.left, 5)
    const scores = forestScores(forest, x, rows)
    for (let i = 0; i < rows; i++)
      expect(scores[i]).toBeCloseTo(
        mean + tree!.value[x[i * features + best.feature]! <= best.at ? tree!.left[0]! : tree!.right[0]!]!,
        5,
      )
  })

  it.each([2, 3])('learns %i classes that no line separates, and the same from the same seed', (classes) => {
    const rng = seeded(5)
    const made = (rows: number) => {
      const x = Float32Array.from({ length: rows * 2 }, () => Math.fround(2 * rng.float() - 1))
      const values = Float64Array.from({ length: rows }, (_, i) =>
        x[2 * i]! * x[2 * i + 1]! > 0 ? 1 : classes === 3 && x[2 * i]! > 0 ? 2 : 0,
      )
      return { x, rows, target: { kind: 'classification', classes, values } as const }
    }
    const [train, held] = [made(400), made(200)]
    const run = () => boost(train, held, 2, { ...settings, rowShare: 0.8, rng: seeded(1) })
    const { forest } = run()
    expect(run().forest).toEqual(forest)
    const scores = forestScores(forest, held.x, held.rows)
    let right = 0
    for (let i = 0; i < held.rows; i++) {
      const own =
        classes === 2
          ? Number(scores[i]! > 0)
          : [0, 1, 2].reduce((a, b) => (scores[3 * i + b]! > scores[3 * i + a]! ? b : a))
      if (own === held.target.values[i]) right++
    }
    expect(right / held.rows).toBeGreaterThan(0.9)
  })
})

describe('kernel regression', () => {
  it('solves its system', () => {
    const rng = seeded(2)
    const [rows, features, gamma, penalty] = [25, 3, 1.5, 0.2]
    const x = Float32Array.from({ length: rows * features }, () => rng.normal())
    const y = Float64Array.from({ length: rows * 2 }, () => rng.normal())
    const alpha = solveKernel(x, y, rows, features, 2, { gamma, penalty })
    for (let i = 0; i < rows; i++)
      for (let o = 0; o < 2; o++) {
        let sum = penalty * alpha[i * 2 + o]!
        for (let j = 0; j < rows; j++) {
          const distance = [0, 1, 2].reduce((all, f) => all + (x[i * 3 + f]! - x[j * 3 + f]!) ** 2, 0)
          sum += Math.exp((-gamma * distance) / features) * alpha[j * 2 + o]!
        }
        expect(sum).toBeCloseTo(y[i * 2 + o]!, 4)
      }
  })
})
