import { describe, expect, it } from 'vitest'
import { defineSpace, integer, oneOf, product, real, repeat, type SearchSpace, seeded } from '../../../core/index.ts'
import { controllerContract, proposed } from '../../../core/testing/index.ts'
import { cmaEs, eigen, evolutionStrategy } from '../../../plugins/cma-es/index.ts'

controllerContract('CMA-ES', evolutionStrategy(), { learns: false })

function bestOf(
  space: SearchSpace<unknown>,
  loss: (genotype: readonly number[]) => number,
  trials: number,
  seed: number,
) {
  const rng = seeded(seed)
  using controller = evolutionStrategy()(space, rng)
  let best = Number.POSITIVE_INFINITY
  for (let trial = 0; trial < trials; trial++) {
    const proposal = proposed(controller.propose(rng.fork(trial)))
    const value = loss(proposal.genotype)
    best = Math.min(best, value)
    controller.observe([{ trial, proposal, reward: -value, objectives: [-value], metrics: {} }])
  }
  return best
}

describe('eigenvectors', () => {
  it('rebuild the matrix, and are orthonormal', () => {
    const n = 6
    const rng = seeded(1)
    const matrix = new Float64Array(n * n)
    for (let i = 0; i < n; i++) for (let j = 0; j <= i; j++) matrix[i * n + j] = matrix[j * n + i] = rng.normal()
    const { values, vectors } = eigen(matrix, n)
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++) {
        let [rebuilt, inner] = [0, 0]
        for (let k = 0; k < n; k++) {
          rebuilt += vectors[i * n + k]! * values[k]! * vectors[j * n + k]!
          inner += vectors[k * n + i]! * vectors[k * n + j]!
        }
        expect(Math.abs(rebuilt - matrix[i * n + j]!)).toBeLessThan(1e-10)
        expect(Math.abs(inner - Number(i === j))).toBeLessThan(1e-10)
      }
  })
})

describe('CMA-ES', () => {
  const cube = defineSpace('cube', product({ x: repeat(5, () => real(-1, 1)) }))

  it('solves a sphere', () => {
    for (const seed of [1, 2, 3])
      expect(bestOf(cube, (x) => x.reduce((sum, value) => sum + (value - 0.3) ** 2, 0), 800, seed)).toBeLessThan(1e-8)
  })

  it('learns the axes of an ellipsoid that is turned and a thousand times longer than wide', () => {
    const loss = (x: readonly number[]) => {
      const [a, b] = [x[0]! + x[1]! - 0.2, x[0]! - x[1]!]
      return a ** 2 + 1000 * b ** 2 + x[2]! ** 2 + x[3]! ** 2 + x[4]! ** 2
    }
    for (const seed of [1, 2, 3]) expect(bestOf(cube, loss, 2000, seed)).toBeLessThan(1e-8)
  })

  it('does not stand still on integers, and chooses among options', () => {
    const mixed = defineSpace('mixed', product({ n: repeat(3, () => integer(0, 20)), op: oneOf('a', 'b', 'c') }))
    const loss = (g: readonly number[]) =>
      (g[0]! - 4) ** 2 + (g[1]! - 17) ** 2 + (g[2]! - 9) ** 2 + (g[3] === 1 ? 0 : 5)
    for (const seed of [1, 2, 3]) expect(bestOf(mixed, loss, 400, seed)).toBe(0)
  })

  it('refuses options it does not know, and wrong ones', () => {
    expect(() => cmaEs({ sgima: 0.1 } as never)).toThrow('sigma')
    expect(() => cmaEs({ population: 1 })).toThrow('ARCHLOOM_OPTION')
  })
})
