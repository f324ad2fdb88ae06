import { describe, expect, it } from 'vitest'
import { defineSpace, integer, oneOf, product, real, repeat, seeded, variant } from '../../../core/index.ts'
import { controllerContract, proposed } from '../../../core/testing/index.ts'
import { modelValues, pointOf } from '../../../plugins/gp/bayesian-search.ts'
import { cholesky } from '../../../plugins/gp/gaussian-process.ts'
import { bayesianSearch, gp, logExpectedImprovement, matern, posterior } from '../../../plugins/gp/index.ts'

controllerContract('Bayesian optimisation', bayesianSearch({ candidates: 20 }), { trials: 24, learns: false })

const squared = (a: Float64Array, b: Float64Array, d: number) => (a[d]! - b[d]!) ** 2

describe('the Gaussian process', () => {
  it('has the posterior of its formulas, at three points', () => {
    const points = [0, 0.4, 1].map((x) => Float64Array.of(x))
    const values = [1, -0.5, 0.25]
    const [weight, noise] = [4, 0.01]
    const model = posterior(points, values, { weights: Float64Array.of(weight), noise }, squared)!
    const kernel = (a: number, b: number) => matern(weight * (a - b) ** 2)
    const K = points.map((a, i) => points.map((b, j) => kernel(a[0]!, b[0]!) + (i === j ? noise : 0)))
    // The inverse by cofactors, which shares nothing with the factorisation.
    const minor = (i: number, j: number) => {
      const [r, s] = [0, 1, 2].filter((k) => k !== i) as [number, number]
      const [u, v] = [0, 1, 2].filter((k) => k !== j) as [number, number]
      return K[r]![u]! * K[s]![v]! - K[r]![v]! * K[s]![u]!
    }
    const determinant = [0, 1, 2].reduce((sum, j) => sum + (-1) ** j * K[0]![j]! * minor(0, j), 0)
    const inverse = [0, 1, 2].map((i) => [0, 1, 2].map((j) => ((-1) ** (i + j) * minor(j, i)) / determinant))
    const quadratic = (a: readonly number[], b: readonly number[]) =>
      a.reduce((sum, x, i) => sum + b.reduce((inner, y, j) => inner + x * inverse[i]![j]! * y, 0), 0)
    const variance = quadratic(values, values) / 3
    for (const x of [0.1, 0.4, 0.7, 2]) {
      const row = points.map((point) => kernel(x, point[0]!))
      const { mean, deviation } = model.at(Float64Array.of(x))
      expect(Math.abs(mean - quadratic(row, values))).toBeLessThan(1e-10)
      expect(Math.abs(deviation - Math.sqrt(variance * (1 - quadratic(row, row))))).toBeLessThan(1e-8)
    }
    const likelihood = -0.5 * (3 * Math.log(variance) + Math.log(determinant) + 3 + 3 * Math.log(2 * Math.PI))
    expect(Math.abs(model.logLikelihood - likelihood)).toBeLessThan(1e-9)
  })

  it('is refused where the matrix is not positive definite', () => {
    expect(cholesky(Float64Array.of(1, 2, 2, 1), 2)).toBeUndefined()
    expect([...cholesky(Float64Array.of(4, 2, 2, 5), 2)!]).toEqual([2, 0, 1, 2])
  })
})

describe('the expected improvement', () => {
  it('is its integral, in logarithms', () => {
    for (const [mean, deviation, best] of [
      [0, 1, 0],
      [1, 0.5, 0],
      [-1, 0.4, 0],
      [0.2, 2, 3],
      [-4, 1, 1],
    ] as const) {
      const step = 1e-4
      let integral = 0
      for (let z = (best - mean) / deviation; z < 14; z += step) {
        const at = z + step / 2
        integral += ((mean + deviation * at - best) * Math.exp(-0.5 * at * at) * step) / Math.sqrt(2 * Math.PI)
      }
      expect(Math.abs(logExpectedImprovement(mean, deviation, best) - Math.log(integral))).toBeLessThan(2e-4)
    }
  })

  it('stays finite and ascends with the mean, however unlikely an improvement is', () => {
    const values = [-1e6, -1e4, -1e3, -999, -100, -40, -10, -3, -1.5, -1.49, -1, 0, 5].map((mean) =>
      logExpectedImprovement(mean, 1, 0),
    )
    for (const value of values) expect(Number.isFinite(value)).toBe(true)
    expect(values).toEqual([...values].sort((a, b) => a - b))
  })
})

describe('Bayesian optimisation', () => {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length

  it('sees numbers on their own scale, options as equal or not, and what is absent as absent', () => {
    const space = defineSpace(
      'mixed',
      product({
        rate: real(1e-4, 1, { scale: 'log' }),
        kind: variant({ a: product({ n: integer(1, 4) }), b: product({}) }),
      }),
    )
    const point = pointOf(space, space.encode({ rate: 1e-2, kind: { type: 'a', n: 4 } }))
    expect([...point].map((value) => Math.round(1000 * value) / 1000)).toEqual([0.5, 0, 0.875])
    expect(pointOf(space, space.encode({ rate: 1, kind: { type: 'b' } }))[2]).toBeNaN()
  })

  it('takes values in units of their spread, and broken trials as low but no lower', () => {
    const outcomes = [0.9, 0.91, 0.92, 0.1, undefined].map((reward) => ({
      genotype: [0],
      ...(reward !== undefined && { reward }),
      objectives: [],
      violation: 0,
      trial: 0,
      fidelity: 1,
    }))
    const values = [...modelValues(outcomes)]
    expect(values[3]).toBe(values[4])
    expect(Math.abs(mean(values))).toBeLessThan(1e-12)
    const scaled = modelValues(outcomes.map((o) => ({ ...o, ...('reward' in o && { reward: 1000 * o.reward! }) })))
    scaled.forEach((value, i) => {
      expect(Math.abs(value - values[i]!)).toBeLessThan(1e-9)
    })
    expect([...modelValues([{ genotype: [0], objectives: [], violation: 0, trial: 0, fidelity: 1 }])]).toEqual([0])
  })

  it('comes much closer to the maximum of Branin’s function than random draws', () => {
    const space = defineSpace('branin', product({ x: real(-5, 10), y: real(0, 15) }))
    const branin = ([x, y]: readonly number[]) =>
      (y! - (5.1 / (4 * Math.PI ** 2)) * x! ** 2 + (5 / Math.PI) * x! - 6) ** 2 +
      10 * (1 - 1 / (8 * Math.PI)) * Math.cos(x!) +
      10
    const regret = (seed: number, startup: number) => {
      const rng = seeded(seed)
      using controller = bayesianSearch({ startup })(space, rng)
      let best = Number.POSITIVE_INFINITY
      for (let trial = 0; trial < 40; trial++) {
        const proposal = proposed(controller.propose(rng.fork(trial)))
        const value = branin(proposal.genotype)
        best = Math.min(best, value)
        controller.observe([{ trial, proposal, reward: -value, objectives: [-value], metrics: {} }])
      }
      return best - 0.397887
    }
    const [modelled, drawn] = [8, 40].map((startup) => mean([1, 2, 3].map((seed) => regret(seed, startup))))
    expect(modelled!).toBeLessThan(0.15)
    expect(modelled!).toBeLessThan(drawn! / 4)
  })

  it('proposes different architectures while trials are under way', () => {
    const space = defineSpace(
      'flat',
      repeat(3, () => oneOf('a', 'b', 'c', 'd')),
    )
    const rng = seeded(1)
    using controller = bayesianSearch()(space, rng)
    const value = (genotype: readonly number[]) => genotype.filter((option) => option === 2).length
    for (let trial = 0; trial < 10; trial++) {
      const proposal = proposed(controller.propose(rng.fork(trial)))
      controller.observe([{ trial, proposal, reward: value(proposal.genotype), objectives: [], metrics: {} }])
    }
    const open = Array.from({ length: 4 }, (_, i) =>
      space.format(proposed(controller.propose(rng.fork(`open/${i}`))).genotype),
    )
    expect(new Set(open).size).toBe(4)
  })

  it('refuses options it does not know, and wrong ones', () => {
    expect(() => gp({ candidate: 3 } as never)).toThrow('candidates')
    expect(() => gp({ startup: 1 })).toThrow('ARCHLOOM_OPTION')
  })
})
