import { describe, expect, it } from 'vitest'
import {
  categoricalPolicy,
  type DecisionLayout,
  lstmPolicy,
  type Policy,
  policyAdam,
  policyGradientStep,
} from '../../../core/policy/index.ts'
import { seeded } from '../../../core/random.ts'
import {
  defineSpace,
  integer,
  oneOf,
  product,
  real,
  repeat,
  type SearchSpace,
  sumAtMost,
  when,
} from '../../../core/space/index.ts'
import { stockSpaces } from '../../../core/testing/index.ts'

const countable = stockSpaces().filter(({ decisions }) => decisions.every(({ kind }) => kind === 'choice'))
const kinds: readonly [string, (space: SearchSpace) => Policy][] = [
  ['categorical', (space) => categoricalPolicy(space)],
  ['lstm', (space) => lstmPolicy(space, seeded(1), { hidden: 6, initialLimit: 1 })],
]

/** Gives every parameter another value, so that nothing is uniform. */
function stir(policy: Policy, seed: number): Policy {
  const rng = seeded(seed)
  for (const { value } of policy.parameters) for (let i = 0; i < value.length; i++) value[i] = rng.normal()
  return policy
}

describe.each(kinds)('a %s policy', (_, make) => {
  it.each(countable.map((space) => [space.name, space] as const))(
    'is a distribution over the space %s',
    (_name, space) => {
      const policy = stir(make(space), 2)
      let [total, entropy] = [0, 0]
      for (const genotype of space.enumerate()) {
        const { logProbability } = policy.score(genotype)
        total += Math.exp(logProbability)
        entropy -= Math.exp(logProbability) * logProbability
      }
      expect(total).toBeCloseTo(1, 10)
      // The expected sum of the choices' entropies is the entropy of the whole (chain rule).
      let expected = 0
      for (const genotype of space.enumerate()) {
        const draw = policy.score(genotype)
        expected += Math.exp(draw.logProbability) * draw.entropy
      }
      expect(expected).toBeCloseTo(entropy, 10)
    },
  )

  it('draws in proportion to its probabilities, and says them', () => {
    const [space] = countable as [SearchSpace]
    const policy = stir(make(space), 3)
    const rng = seeded(4)
    const counts = new Map<string, number>()
    for (let i = 0; i < 4000; i++) {
      const draw = policy.sample(rng)
      if (i < 50) expect(policy.score(draw.genotype)).toEqual(draw)
      const key = space.format(draw.genotype)
      counts.set(key, (counts.get(key) ?? 0) + 1)
    }
    let distance = 0
    for (const genotype of space.enumerate())
      distance += Math.abs(
        (counts.get(space.format(genotype)) ?? 0) / 4000 - Math.exp(policy.score(genotype).logProbability),
      )
    expect(distance / 2).toBeLessThan(0.06)
  })

  it('has as its mode the likeliest option of each decision in turn', () => {
    const space = countable[0] as SearchSpace
    const policy = stir(make(space), 5)
    const mode = policy.mode()
    expect(space.validate(mode.genotype).ok).toBe(true)
    expect(policy.score(mode.genotype).logProbability).toBe(mode.logProbability)
    const rng = seeded(6)
    const better = Array.from({ length: 200 }, () => policy.sample(rng)).filter(
      ({ logProbability }) => logProbability > mode.logProbability,
    )
    expect(better.length).toBeLessThan(20)
  })

  it('has gradients of log-probability and entropy equal to central differences', () => {
    const space = stockSpaces().find(({ name }) => name === 'conditional') as SearchSpace
    const policy = stir(make(space), 7)
    const genotype = space.random(seeded(8))
    policy.differentiate(genotype, 1.3, -0.4)
    const rng = seeded(9)
    for (const { name, value, gradient } of policy.parameters)
      for (const i of rng.shuffle([...value.keys()]).slice(0, 5)) {
        const kept = value[i] as number
        const at = (x: number) => {
          value[i] = x
          const { logProbability, entropy } = policy.score(genotype)
          return 1.3 * logProbability - 0.4 * entropy
        }
        const slope = (at(kept + 1e-5) - at(kept - 1e-5)) / 2e-5
        value[i] = kept
        expect(gradient[i], `${name}[${i}]`).toBeCloseTo(slope, 6)
      }
  })

  it('draws reals everywhere in their range, and scores them by their interval', () => {
    const space = defineSpace('reals', product({ rate: real(1e-3, 10, { scale: 'log' }), share: real(-1, 1) }))
    const policy = make(space)
    const rng = seeded(10)
    const values = Array.from({ length: 400 }, () => policy.sample(rng).genotype)
    for (const genotype of values) expect(space.validate(genotype).ok).toBe(true)
    for (const k of [0, 1]) expect(new Set(values.map((genotype) => genotype[k])).size).toBe(400)
    expect(values.filter(([rate]) => (rate as number) < 0.1).length).toBeGreaterThan(120)
    const draw = policy.sample(rng)
    expect(policy.score(draw.genotype).logProbability).toBeCloseTo(draw.logProbability, 12)
  })

  it('refuses a genotype that it cannot draw: ARCHLOOM_POLICY_GENOTYPE', () => {
    const space = defineSpace(
      'pair',
      repeat(2, () => oneOf(1, 2)),
      { constraints: [sumAtMost(['*'], 3)] },
    )
    expect(() => make(space).score([1, 1])).toThrow('ARCHLOOM_POLICY_GENOTYPE')
    expect(() => make(space).score([5, 0])).toThrow('"0"')
  })

  it('comes to prefer what is rewarded, also where one choice decides what another means', () => {
    const space = defineSpace(
      'learnable',
      product({ first: oneOf(0, 1, 2), extra: when(oneOf(true, false), () => oneOf('a', 'b', 'c')) }),
    )
    const policy = make(space)
    const optimizer = policyAdam(policy.parameters, { learningRate: 0.05 })
    const rng = seeded(11)
    const wanted = space.encode({ first: 2, extra: 'b' })
    for (let step = 0; step < 300; step++) {
      const { genotype } = policy.sample(rng)
      const advantage = genotype.filter((value, i) => value === wanted[i]).length / 3 - 0.5
      policyGradientStep(policy, optimizer, [{ genotype, advantage }], { entropyWeight: 0.01, clipNorm: 5 })
    }
    expect(policy.mode().genotype).toEqual(wanted)
    expect(Math.exp(policy.score(wanted).logProbability)).toBeGreaterThan(0.5)
  })
})

describe('the categorical policy', () => {
  it('draws numbers on a log scale by their logarithm while it has learned nothing', () => {
    const wide = defineSpace('wide', product({ width: integer(1, 1024, { scale: 'log' }) }))
    const rng = seeded(3)
    const policy = categoricalPolicy(wide)
    const widths = Array.from({ length: 2_000 }, () => wide.decode(policy.sample(rng).genotype).width)
    expect(Math.abs(widths.filter((width) => width <= 32).length / 2_000 - 0.5)).toBeLessThan(0.04)
  })

  it('is uniform before it learns: −ln of the size, and that entropy', () => {
    const space = countable[0] as SearchSpace
    const { logProbability, entropy } = categoricalPolicy(space).sample(seeded(1))
    expect(logProbability).toBeCloseTo(-Math.log(Number(space.size)), 12)
    expect(entropy).toBeCloseTo(Math.log(Number(space.size)), 12)
  })
})

describe('the LSTM policy', () => {
  it('learns choices that depend on each other, keeping two equal solutions alive', () => {
    const space = defineSpace(
      'same',
      repeat(3, () => oneOf('a', 'b')),
    )
    const chanceOfSame = (policy: Policy) => {
      const optimizer = policyAdam(policy.parameters, { learningRate: 0.02 })
      const rng = seeded(12)
      for (let step = 0; step < 400; step++) {
        const episodes = Array.from({ length: 4 }, () => {
          const { genotype } = policy.sample(rng)
          return { genotype, advantage: new Set(genotype).size === 1 ? 0.5 : -0.5 }
        })
        // Entropy keeps both solutions alive.
        policyGradientStep(policy, optimizer, episodes, { entropyWeight: 0.3 })
      }
      const [a, b] = [policy.score([0, 0, 0]), policy.score([1, 1, 1])]
      return {
        both: Math.exp(a.logProbability) + Math.exp(b.logProbability),
        less: Math.min(a.logProbability, b.logProbability),
      }
    }
    const lstm = chanceOfSame(lstmPolicy(space, seeded(1), { hidden: 12 }))
    expect(lstm.both).toBeGreaterThan(0.7)
    expect(Math.exp(lstm.less)).toBeGreaterThan(0.2)
  })

  it('has the parameters of the published cell controller in that layout: 167,688', () => {
    const nodes = 4
    const operations = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'] as const
    const parts = Array.from({ length: nodes }, (_, i) => {
      const from = oneOf(...Array.from({ length: i + 2 }, (_, j) => j))
      const op = oneOf(...operations)
      return product({ leftFrom: from, rightFrom: from, leftOp: op, rightOp: op })
    })
    const space = defineSpace(
      'cell',
      repeat(nodes, (i) => parts[i] as (typeof parts)[number]),
    )
    const layout: DecisionLayout[] = space.decisions.map((decision) => {
      const count = decision.kind === 'choice' ? decision.options.length : 0
      return decision.name.endsWith('Op')
        ? { unit: 'cell', head: 'operation', kind: 'linear', tokens: operations.map((_, o) => 5 + o) }
        : { unit: 'cell', head: 'node', kind: 'attention', tokens: Array.from({ length: count }, (_, j) => j) }
    })
    const policy = lstmPolicy(space, seeded(1), { hidden: 128, layout })
    expect(policy.parameters.reduce((sum, { value }) => sum + value.length, 0)).toBe(167_688)
    expect(policy.parameters.every(({ value }) => value.every((x) => Math.abs(x) <= 0.1))).toBe(true)
    expect(space.validate(policy.sample(seeded(2)).genotype).ok).toBe(true)
  })

  it('squashes logits with temperature and tanh constant, gradients included', () => {
    const space = defineSpace(
      'squashed',
      repeat(2, () => oneOf(0, 1, 2)),
    )
    const entry = { unit: 'u', head: 'h', kind: 'linear', tokens: [0, 1, 2], tanhConstant: 1.1 } as const
    const policy = stir(lstmPolicy(space, seeded(1), { hidden: 4, temperature: 2, layout: [entry, entry] }), 3)
    for (const { value } of policy.parameters) for (let i = 0; i < value.length; i++) value[i] = 20 * value[i]!
    // Logits lie within ± 1.1, so no probability is below 1 / (1 + 2 e^2.2).
    for (const genotype of space.enumerate())
      expect(Math.exp(policy.score(genotype).logProbability)).toBeGreaterThan((1 / (1 + 2 * Math.exp(2.2))) ** 2)
    for (const { value } of policy.parameters) for (let i = 0; i < value.length; i++) value[i] = value[i]! / 20
    policy.differentiate([1, 2], 1, 1)
    const bias = policy.parameters.find(
      ({ shape }) => shape[0] === 3 && shape.length === 1,
    ) as Policy['parameters'][number]
    const kept = bias.value[1] as number
    const at = (x: number) => {
      bias.value[1] = x
      const { logProbability, entropy } = policy.score([1, 2])
      return logProbability + entropy
    }
    expect(bias.gradient[1]).toBeCloseTo((at(kept + 1e-5) - at(kept - 1e-5)) / 2e-5, 6)
  })

  it('keeps units apart: what one chose does not move the other', () => {
    const space = defineSpace('two', product({ a: oneOf(0, 1), b: oneOf(0, 1) }))
    const layoutOf = (units: readonly [string, string]): DecisionLayout[] =>
      units.map((unit) => ({ unit, head: 'h', kind: 'linear', tokens: [0, 1] }))
    const conditional = (policy: Policy, first: number) =>
      policy.score([first, 0]).logProbability -
      Math.log(Math.exp(policy.score([first, 0]).logProbability) + Math.exp(policy.score([first, 1]).logProbability))
    const apart = stir(lstmPolicy(space, seeded(1), { hidden: 4, layout: layoutOf(['x', 'y']) }), 4)
    expect(conditional(apart, 0)).toBeCloseTo(conditional(apart, 1), 12)
    const together = stir(lstmPolicy(space, seeded(1), { hidden: 4, layout: layoutOf(['x', 'x']) }), 4)
    expect(Math.abs(conditional(together, 0) - conditional(together, 1))).toBeGreaterThan(1e-3)
  })

  it('narrows to a view of its space, and widens again with the same weights', () => {
    const space = defineSpace(
      'stages',
      repeat(3, () => oneOf('a', 'b', 'c')),
    )
    let stage = 1
    const view = {
      decisions: space.decisions,
      isActive: space.isActive,
      allowed: (prefix: readonly number[]) => space.allowed(prefix)?.slice(0, stage) ?? null,
    }
    const policy = lstmPolicy(view, seeded(1), { hidden: 4 })
    expect(policy.sample(seeded(2))).toEqual({ genotype: [0, 0, 0], logProbability: 0, entropy: 0 })
    stage = 2
    const rng = seeded(3)
    const drawn = new Set(Array.from({ length: 100 }, () => policy.sample(rng).genotype.join('')))
    expect(drawn.size).toBe(8)
    expect(() => policy.score([2, 0, 0])).toThrow('ARCHLOOM_POLICY_GENOTYPE')
  })
})
