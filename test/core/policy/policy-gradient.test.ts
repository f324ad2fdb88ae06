import { describe, expect, it } from 'vitest'
import {
  categoricalPolicy,
  clearGradients,
  clipGradients,
  gradientNorm,
  loadParameters,
  movingAverage,
  noBaseline,
  policyAdam,
  policyGradientStep,
  saveParameters,
  standardised,
} from '../../../core/policy/index.ts'
import { seeded } from '../../../core/random.ts'
import type { Json } from '../../../core/space/decision.ts'
import { defineSpace, oneOf, repeat } from '../../../core/space/index.ts'

const arrays = (...values: number[][]) =>
  values.map((value, i) => ({
    name: `p${i}`,
    shape: [value.length],
    value: Float64Array.from(value),
    gradient: new Float64Array(value.length),
  }))

describe('baselines', () => {
  it('the moving average is updated before it is subtracted: A₁ = 0, Aₜ = γ (rₜ − bₜ₋₁)', () => {
    const baseline = movingAverage(0.9)
    expect(baseline.value).toBeUndefined()
    expect(baseline.advantage(2)).toBe(0)
    expect(baseline.value).toBe(2)
    expect(baseline.advantage(3)).toBeCloseTo(0.9, 12)
    expect(baseline.value).toBeCloseTo(2.1, 12)
    expect(baseline.compare(1)).toBeCloseTo(-1.1, 12)
    expect(baseline.value).toBeCloseTo(2.1, 12)
  })

  it('none leaves the reward as it is', () => {
    expect(noBaseline().advantage(-3)).toBe(-3)
    expect(noBaseline().compare(4)).toBe(4)
  })

  it('standardised advantages do not depend on the unit of the reward, and are cut', () => {
    const rng = seeded(1)
    const rewards = Array.from({ length: 50 }, () => rng.normal())
    const of = (unit: number, shift: number) => {
      const baseline = standardised(movingAverage(0.9), 0.9, 2)
      return rewards.map((reward) => baseline.advantage(unit * reward + shift))
    }
    of(1, 0).forEach((advantage, i) => {
      expect(of(100, 37)[i]).toBeCloseTo(advantage, 8)
      expect(Math.abs(advantage)).toBeLessThanOrEqual(2)
    })
    const steady = standardised(movingAverage(0.9), 0.9, 2)
    for (const reward of [1, 1, 1]) expect(steady.advantage(reward)).toBe(0)
    steady.advantage(1.1)
    expect(steady.compare(-100)).toBe(-2)
  })

  it('continue from their snapshots', () => {
    for (const make of [() => movingAverage(0.9), () => standardised(movingAverage(0.9), 0.9, 2), noBaseline]) {
      const [original, copy] = [make(), make()]
      copy.restore(JSON.parse(JSON.stringify(original.snapshot())) as Json)
      for (const reward of [1, 3, 2]) expect(copy.advantage(reward)).toBe(original.advantage(reward))
      copy.restore(JSON.parse(JSON.stringify(original.snapshot())) as Json)
      expect(copy.advantage(5)).toBe(original.advantage(5))
    }
  })
})

describe('gradient clipping', () => {
  it('scales all parameters together, by the norm over all', () => {
    const parameters = arrays([0], [0, 0])
    parameters[0]?.gradient.set([3])
    parameters[1]?.gradient.set([0, 4])
    expect(clipGradients(parameters, 10)).toBe(5)
    expect(gradientNorm(parameters)).toBe(5)
    expect(clipGradients(parameters, 1)).toBe(5)
    expect(gradientNorm(parameters)).toBeCloseTo(1, 12)
    expect(parameters[1]?.gradient[1]).toBeCloseTo(0.8, 12)
    clearGradients(parameters)
    expect(gradientNorm(parameters)).toBe(0)
  })
})

describe('Adam over a policy', () => {
  it('takes the steps of the published algorithm', () => {
    const parameters = arrays([1, -2])
    const optimizer = policyAdam(parameters, { learningRate: 0.1 })
    const gradients = [
      [0.5, -1],
      [0.25, 3],
    ]
    // By hand, from the equations.
    let [m, v, w] = [
      [0, 0],
      [0, 0],
      [1, -2],
    ]
    gradients.forEach((gradient, t) => {
      parameters[0]?.gradient.set(gradient)
      optimizer.step()
      m = m.map((x, i) => 0.9 * x + 0.1 * gradient[i]!)
      v = v.map((x, i) => 0.999 * x + 0.001 * gradient[i]! ** 2)
      w = w.map((x, i) => {
        const [mHat, vHat] = [m[i]! / (1 - 0.9 ** (t + 1)), v[i]! / (1 - 0.999 ** (t + 1))]
        return x - (0.1 * mHat) / (Math.sqrt(vHat) + 1e-8)
      })
      w.forEach((x, i) => {
        expect(parameters[0]?.value[i]).toBeCloseTo(x, 12)
      })
    })
  })

  it('lets weight decay join the gradient', () => {
    const [plain, decayed] = [arrays([2]), arrays([2])]
    plain[0]?.gradient.set([0.5 + 0.1 * 2])
    decayed[0]?.gradient.set([0.5])
    policyAdam(plain, { learningRate: 0.1 }).step()
    policyAdam(decayed, { learningRate: 0.1, weightDecay: 0.1 }).step()
    expect(decayed[0]?.value[0]).toBe(plain[0]?.value[0])
  })

  it('continues exactly from a snapshot that went through JSON', () => {
    const rng = seeded(2)
    const [original, copy] = [arrays([0.1, 0.2, 0.3]), arrays([0, 0, 0])]
    const [first, second] = [policyAdam(original, { learningRate: 0.1 }), policyAdam(copy, { learningRate: 0.1 })]
    const step = (parameters: typeof original, optimizer: typeof first, gradient: readonly number[]) => {
      parameters[0]?.gradient.set(gradient)
      optimizer.step()
    }
    for (let i = 0; i < 5; i++) step(original, first, [rng.normal(), rng.normal(), rng.normal()])
    loadParameters(copy, JSON.parse(JSON.stringify(saveParameters(original))))
    second.restore(JSON.parse(JSON.stringify(first.snapshot())) as Json)
    for (let i = 0; i < 5; i++) {
      const gradient = [rng.normal(), rng.normal(), rng.normal()]
      step(original, first, gradient)
      step(copy, second, gradient)
    }
    expect(copy[0]?.value).toEqual(original[0]?.value)
  })

  it('follows a learning rate that is set before a step, scales gradients, and counts its steps', () => {
    const [whole, halved, scaled] = [arrays([1, 2]), arrays([1, 2]), arrays([1, 2])]
    for (const parameters of [whole, halved, scaled])
      for (const { gradient } of parameters) gradient.set([0.5, -0.25].slice(0, gradient.length))
    const optimizers = [whole, halved, scaled].map((each) => policyAdam(each, { learningRate: 0.1 }))
    optimizers[0]!.step()
    optimizers[1]!.learningRate = 0.05
    optimizers[1]!.step()
    optimizers[2]!.step(7)
    expect(optimizers.map(({ steps }) => steps)).toEqual([1, 1, 1])
    const moved = (parameters: typeof whole) =>
      parameters.flatMap(({ value }, at) => value[0]! - arrays([1, 2])[at]!.value[0]!)
    moved(whole).forEach((distance, at) => {
      expect(moved(halved)[at]).toBeCloseTo(distance / 2, 12)
      // Adam's first step does not depend on the size of gradients.
      expect(moved(scaled)[at]).toBeCloseTo(distance, 7)
    })
  })

  it('refuses what is not its snapshot: ARCHLOOM_CONTROLLER_SNAPSHOT', () => {
    const optimizer = policyAdam(arrays([1, 2]), { learningRate: 0.1 })
    for (const wrong of [null, {}, { steps: 1, first: [[1]], second: [[1, 2]] }, { steps: 1, first: [[1, 2]] }])
      expect(() => optimizer.restore(wrong as Json)).toThrow('ARCHLOOM_CONTROLLER_SNAPSHOT')
    expect(() => loadParameters(arrays([1, 2]), [[1]])).toThrow('1 arrays of 2 numbers')
  })
})

describe('the REINFORCE step', () => {
  const space = defineSpace(
    'pair',
    repeat(2, () => oneOf('a', 'b')),
  )

  it('follows the gradient of −mean(A ln p + λ H), which for a uniform pair is known', () => {
    const policy = categoricalPolicy(space)
    const step = policyGradientStep(policy, { step: () => {} }, [
      { genotype: [0, 1], advantage: 1 },
      { genotype: [0, 0], advantage: -0.5 },
    ])
    // d(−A ln p)/d logits = −A (onehot − p), averaged over the two.
    expect([...(policy.parameters[0]?.gradient ?? [])]).toEqual([-0.125, 0.125])
    expect([...(policy.parameters[1]?.gradient ?? [])]).toEqual([0.375, -0.375])
    expect(step.logProbability).toBeCloseTo(-Math.log(4), 12)
    expect(step.entropy).toBeCloseTo(Math.log(4), 12)
    expect(step.loss).toBeCloseTo(0.25 * Math.log(4), 12)
    expect(step.gradientNorm).toBeCloseTo(Math.hypot(0.125, 0.125, 0.375, 0.375), 12)
  })

  it('in expectation climbs the reward: the mean of sampled steps is the gradient of E[R]', () => {
    const policy = categoricalPolicy(space)
    const optimizer = { step: () => {}, snapshot: () => null, restore: () => {} }
    const rng = seeded(3)
    const episodes = Array.from({ length: 4000 }, () => {
      const { genotype } = policy.sample(rng)
      return { genotype, advantage: genotype[0] === 1 ? 1 : 0 }
    })
    policyGradientStep(policy, optimizer, episodes)
    // E[R] = p₁ = ½: its gradient is p (1 − p) = ¼ on the logit of the second option; descent has the sign turned.
    expect(policy.parameters[0]?.gradient[1]).toBeCloseTo(-0.25, 1)
    expect(policy.parameters[1]?.gradient[1]).toBeCloseTo(0, 1)
  })

  it('raises the entropy where there is nothing but its bonus', () => {
    const policy = categoricalPolicy(space)
    policy.parameters[0]?.value.set([2, 0])
    const optimizer = policyAdam(policy.parameters, { learningRate: 0.05 })
    const before = policy.score([0, 0]).entropy
    for (let i = 0; i < 100; i++)
      policyGradientStep(policy, optimizer, [{ genotype: [0, 0], advantage: 0 }], { entropyWeight: 1 })
    expect(policy.score([0, 0]).entropy).toBeGreaterThan(before)
    expect(policy.score([0, 0]).entropy).toBeCloseTo(Math.log(4), 3)
  })
})
