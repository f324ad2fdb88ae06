import fc from 'fast-check'
import { describe, expect, expectTypeOf, it } from 'vitest'
import {
  among,
  callback,
  either,
  flag,
  group,
  list,
  number,
  type OptionsOf,
  optionMarkdown,
  options,
  optionsFor,
  optionTable,
  type ReadOptionsOf,
  required,
  text,
  value,
  whole,
} from '../../../core/options/index.ts'
import { editDistance } from '../../../core/options/suggest.ts'

const declared = options(
  'halving',
  {
    data: required(value<{ size: number }>('a data set', { holds: (v) => typeof v === 'object' && v !== null })),
    population: whole({ min: 2, default: 50, doc: 'Individuals alive at once.' }),
    learningRate: number({ above: 0, default: 0.1 }),
    share: number({ min: 0, below: 1, default: 0 }),
    limit: whole({ min: 1, infinite: true, default: Number.POSITIVE_INFINITY }),
    select: among(['reward', 'pareto'], { default: 'reward' }),
    nesterov: flag({ absent: 'as the optimizer has it' }),
    label: text(),
    rates: list(number({ min: 0, max: 1 }), { min: 1, default: [0.5] }),
    onProgress: callback<(done: number) => void>(),
    controller: group({ hidden: whole({ min: 1, default: 64 }), entropyWeight: number({ min: 0 }) }),
    collapse: either([among([false]), group({ window: whole({ min: 1, default: 5 }) })]),
    images: group({ folder: required(text()) }, { optional: true, doc: 'Where images are written.' }),
  },
  { renamed: { pictures: 'images', policyLearningRate: 'controller.learningRate' } },
)
type Options = OptionsOf<typeof declared>
const data = { size: 3 }
const refusal = (given: object): Record<string, unknown> => {
  try {
    declared.read({ data, ...given } as never)
  } catch (thrown) {
    expect(thrown).toMatchObject({ code: 'ARCHLOOM_OPTION' })
    return { ...(thrown as { details: object }).details, message: (thrown as Error).message }
  }
  throw new Error('nothing was refused')
}

describe('options that are declared once', () => {
  it('are read with their defaults; what is undefined counts as left out', () => {
    expect(declared.read({ data, population: undefined as never })).toEqual({
      data,
      population: 50,
      learningRate: 0.1,
      share: 0,
      limit: Number.POSITIVE_INFINITY,
      select: 'reward',
      rates: [0.5],
      controller: { hidden: 64 },
    })
    expect(declared.read({ data, collapse: {}, controller: { entropyWeight: 1 } })).toMatchObject({
      collapse: { window: 5 },
      controller: { hidden: 64, entropyWeight: 1 },
    })
    expect(declared.read({ data, collapse: false }).collapse).toBe(false)
    expect(declared.read({ data }).data).toBe(data)
  })
  it('have types', () => {
    const read = declared.read({ data })
    expectTypeOf(read.population).toEqualTypeOf<number>()
    expectTypeOf(read.select).toEqualTypeOf<'reward' | 'pareto'>()
    expectTypeOf(read.nesterov).toEqualTypeOf<boolean | undefined>()
    expectTypeOf(read.controller.hidden).toEqualTypeOf<number>()
    expectTypeOf<ReadOptionsOf<typeof declared>>().toEqualTypeOf<typeof read>()
    expectTypeOf<Pick<Options, 'data' | 'population' | 'collapse'>>().toEqualTypeOf<{
      readonly data: { size: number }
      readonly population?: number
      readonly collapse?: false | { readonly window?: number }
    }>()
    // @ts-expect-error a misspelt name
    expect(() => declared.read({ data, populaton: 3 })).toThrow()
    // @ts-expect-error a required option is missing
    expect(() => declared.read({})).toThrow()
  })
  it.each([
    [{ populaton: 20 }, 'population'],
    [{ POPULATION: 20 }, 'population'],
    [{ pictures: {} }, 'images'],
    [{ policyLearningRate: 1 }, 'controller.learningRate'],
    [{ hidden: 3 }, 'controller.hidden'],
    [{ controller: { hiden: 3 } }, 'controller.hidden'],
    [{ controller: { learningRate: 3 } }, 'learningRate'],
    [{ collapse: { windows: 3 } }, 'collapse.window'],
    [{ xyz: 3 }, undefined],
    [{ toString: 3 }, undefined],
  ])('refuse %j and suggest %s', (given, suggestion) => {
    expect(refusal(given).suggestion).toBe(suggestion)
  })
  it.each([
    [{ population: 1 }, 'population', 'a whole number of at least 2'],
    [{ population: 2.5 }, 'population', 'a whole number of at least 2'],
    [{ population: Number.NaN }, 'population', 'a whole number of at least 2'],
    [{ population: Number.POSITIVE_INFINITY }, 'population', 'a whole number of at least 2'],
    [{ population: '3' }, 'population', 'a whole number of at least 2'],
    [{ population: null }, 'population', 'a whole number of at least 2'],
    [{ limit: Number.NaN }, 'limit', 'a whole number of at least 1, or Infinity'],
    [{ learningRate: 0 }, 'learningRate', 'a number above 0'],
    [{ share: 1 }, 'share', 'a number in [0, 1)'],
    [{ select: 'best' }, 'select', '"reward" or "pareto"'],
    [{ nesterov: 1 }, 'nesterov', 'true or false'],
    [{ label: '' }, 'label', 'a non-empty string'],
    [{ rates: [] }, 'rates', 'an array of 1 or more numbers from 0 to 1'],
    [{ rates: [0.1, 2] }, 'rates[1]', 'a number from 0 to 1'],
    [{ onProgress: 'yes' }, 'onProgress', 'a function'],
    [{ controller: 3 }, 'controller', 'an object of options'],
    [{ collapse: true }, 'collapse', 'false, or an object with window'],
    [{ collapse: { window: 0 } }, 'collapse.window', 'a whole number of at least 1'],
    [{ images: {} }, 'images.folder', 'a non-empty string'],
    [{ data: 3 }, 'data', 'a data set'],
  ])('refuse %j', (given, option, expected) => {
    expect(refusal(given)).toMatchObject({ where: 'halving', option, expected })
  })
  it.each([3, null, 'x', []])('refuse %j in place of an object', (given) => {
    expect(() => declared.read(given as never)).toThrow(
      /ARCHLOOM_OPTION: halving: the options are .*; expected an object/,
    )
  })
  it('say what was received and what is there', () => {
    expect(refusal({ populaton: 20 }).message).toMatch(
      /^ARCHLOOM_OPTION: halving has no option "populaton" \(received 20\); did you mean "population"\? expected one of data, population/,
    )
    expect(refusal({ xyz: 20 }).message).toMatch(
      /^ARCHLOOM_OPTION: halving has no option "xyz" \(received 20\); expected one of/,
    )
  })
  it('find any name with one letter wrong', () => {
    const names = Object.keys(declared.fields).filter((name) => name.length > 3)
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.nat(), fc.constantFrom('q', ''), (name, at, letter) => {
        const i = at % name.length
        const misspelt = name.slice(0, i) + letter + name.slice(i + 1)
        if (misspelt !== name && !(misspelt in declared.fields))
          expect(refusal({ [misspelt]: 1 }).suggestion).toBe(name)
      }),
    )
  })
  it('measure distance as a metric does', () => {
    expect(editDistance('ab', 'ba')).toBe(1)
    expect(editDistance('kitten', 'sitting')).toBe(3)
    fc.assert(fc.property(fc.string(), fc.string(), (a, b) => editDistance(a, b) === editDistance(b, a)))
  })
  it('are a table', () => {
    expect(optionTable(declared).slice(0, 2)).toEqual([
      { name: 'data', type: 'a data set', default: 'required', required: true, meaning: '' },
      {
        name: 'population',
        type: 'a whole number of at least 2',
        default: '50',
        required: false,
        meaning: 'Individuals alive at once.',
      },
    ])
    expect(optionTable(declared).map(({ name }) => name)).toContain('controller.hidden')
    expect(JSON.parse(JSON.stringify(optionTable(declared)))).toEqual(optionTable(declared))
    expect(optionMarkdown(declared)).toContain('| `select` | "reward" or "pareto" | "reward" |  |')
  })
  it('may follow an interface', () => {
    interface Written<T> {
      readonly item: T
      readonly times?: number
    }
    const follows = optionsFor<Written<string>>()('follows', { item: required(text()), times: whole({ min: 1 }) })
    expectTypeOf(follows.read).returns.toEqualTypeOf<Written<string>>()
    expect(follows.read({ item: 'a' })).toEqual({ item: 'a' })
    // @ts-expect-error an option is missing
    optionsFor<Written<string>>()('missing', { item: required(text()) })
    // @ts-expect-error an option has another type
    optionsFor<Written<string>>()('other', { item: required(text()), times: text() })
    // @ts-expect-error an option that the interface does not have
    optionsFor<Written<string>>()('more', { item: required(text()), times: whole(), more: text() })
  })
})
