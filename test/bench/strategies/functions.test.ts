import { seeded } from 'archloom'
import { expect, it } from 'vitest'
import { type FunctionName, functionProblem } from './functions.ts'

/** Minimisers as they are published. */
const minimisers: Readonly<Record<FunctionName, readonly number[]>> = {
  hartmann6: [0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573],
  branin: [Math.PI, 2.275],
  'ackley-mixed': [0, 0, 0, 0, 0, 0],
  hartmann3: [0.114614, 0.555649, 0.852547],
  'six-hump-camel': [0.0898, -0.7126],
  levy4: [1, 1, 1, 1],
  'rastrigin-mixed': [0, 0, 0, 0, 0, 0],
}

it.each(Object.keys(minimisers) as FunctionName[])('%s has its published minimum, and nothing below it', (name) => {
  const { space, objectivesOf, best, peers, worths } = functionProblem(name)
  const genotype = peers!.genotypeOf(minimisers[name])
  expect(objectivesOf(genotype)[0]).toBeCloseTo(best, 4)
  const rng = seeded(1)
  const others = Array.from({ length: 2000 }, () => space.random(rng))
  for (const other of others) expect(objectivesOf(other)[0]).toBeLessThanOrEqual(best + 1e-5)
  expect(worths([others[0]!, genotype, others[1]!], [1, 3])).toEqual([
    objectivesOf(others[0]!)[0],
    objectivesOf(genotype)[0],
  ])
})
