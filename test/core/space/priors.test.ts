import {
  allDifferent,
  createSearch,
  defineSpace,
  integer,
  memoryStore,
  oneOf,
  product,
  real,
  repeat,
  seeded,
  when,
  withPriors,
} from 'archloom'
import { random } from 'archloom/plugins/random'
import { spaceContract } from 'archloom/testing'
import { describe, expect, it } from 'vitest'

const space = defineSpace(
  'priors',
  product({
    ops: repeat(2, () => oneOf('conv', 'pool', 'none')),
    width: integer(1, 64, { scale: 'log' }),
    rate: real(1e-4, 1, { scale: 'log' }),
    extra: when(oneOf(true, false), () => oneOf('a', 'b')),
  }),
)
const sampleOf = (priors: Parameters<typeof withPriors>[1], n = 4000) => {
  const wrapped = withPriors(space, priors)
  const rng = seeded(1)
  return Array.from({ length: n }, () => wrapped.decode(wrapped.random(rng)))
}
const share = <T>(values: readonly T[], holds: (value: T) => boolean) => values.filter(holds).length / values.length

describe('priors', () => {
  it('weight the options of a choice', () => {
    const drawn = sampleOf({ 'ops.0': { conv: 6, none: 0 }, 'ops.*': { none: 3 }, 'extra.when': { true: 3 } })
    // The later pattern wins for both: 1 : 1 : 3.
    expect(share(drawn, ({ ops }) => ops[0] === 'none')).toBeCloseTo(0.6, 1)
    expect(share(drawn, ({ ops }) => ops[1] === 'conv')).toBeCloseTo(0.2, 1)
    expect(share(drawn, ({ extra }) => extra !== null)).toBeCloseTo(0.75, 1)
  })

  it('gather ordered and real decisions around a value, on their own scale', () => {
    const drawn = sampleOf({ rate: { around: 1e-3, spread: 0.05 }, width: { around: 8, spread: 0.1 } })
    const logs = drawn.map(({ rate }) => Math.log10(rate))
    const mean = logs.reduce((sum, value) => sum + value, 0) / logs.length
    expect(mean).toBeCloseTo(-3, 1)
    const deviation = Math.sqrt(logs.reduce((sum, value) => sum + (value - mean) ** 2, 0) / logs.length)
    // A twentieth of four decades.
    expect(deviation).toBeCloseTo(0.2, 1)
    expect(share(drawn, ({ width }) => width >= 4 && width <= 16)).toBeGreaterThan(0.9)
  })

  it('keep constraints, and all else about the space', () => {
    const strict = defineSpace('strict', product({ a: oneOf(0, 1, 2), b: oneOf(0, 1, 2) }), {
      constraints: [allDifferent('a', 'b')],
    })
    const wrapped = withPriors(strict, { b: { 2: 0, 1: 0 } })
    const rng = seeded(2)
    for (let i = 0; i < 200; i++) expect(strict.validate(wrapped.random(rng)).ok).toBe(true)
    expect(wrapped.size).toBe(strict.size)
    expect(wrapped.fingerprint).toBe(strict.fingerprint)
  })

  it('are journalled, and a resumed search must have the same', async () => {
    const store = memoryStore()
    const compose = (priors?: object) =>
      createSearch({
        space,
        evaluator: ({ width }) => ({ width }),
        plugins: [random()],
        objectives: { width: 'maximise' },
        budget: { maxTrials: 3 },
        study: store,
        ...(priors && { priors: priors as never }),
      })
    await using first = compose({ width: { around: 64 } })
    await first.finish()
    expect(first.record().started.parts.priors).toBe('{"width":{"around":64}}')
    await using same = compose({ width: { around: 64 } })
    await same.open()
    await using other = compose()
    await expect(other.open()).rejects.toThrow(/ARCHLOOM_STUDY_MISMATCH.*priors/)
  })

  it('refuse what means nothing', () => {
    const cases: readonly (readonly [unknown, RegExp])[] = [
      [{ wdth: { around: 1 } }, /"wdth".*a name that matches one of ops\.0/],
      [{ 'ops.0': { cnv: 1 } }, /"cnv".*conv, pool, none/],
      [{ 'ops.0': { conv: -1 } }, /at least 0/],
      [{ 'ops.0': { conv: 0, pool: 0, none: 0 } }, /above 0 for at least one/],
      [{ rate: { conv: 1 } }, /because the decision is real/],
      [{ rate: { around: 2 } }, /a value of the decision/],
      [{ rate: { around: 0.1, spread: 0 } }, /spread above 0/],
      [{ rate: { around: 0.1, sd: 1 } }, /around and spread only/],
      [{ rate: 3 }, /weights by option/],
      [7, /priors by the name/],
    ]
    for (const [priors, says] of cases) {
      expect(() => withPriors(space, priors as never)).toThrow(says)
      expect(() => withPriors(space, priors as never)).toThrow('ARCHLOOM_PRIOR_INVALID')
    }
  })
})

spaceContract('a space with priors', withPriors(space, { 'ops.*': { conv: 3 }, rate: { around: 0.01 } }))
