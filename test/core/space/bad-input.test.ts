import { describe, expect, it } from 'vitest'
import {
  allDifferent,
  defineSpace,
  findSearchSpace,
  integer,
  occurrences,
  oneOf,
  product,
  real,
  registerSearchSpace,
  repeat,
  type SpaceNode,
  subset,
  sumAtMost,
  variant,
  when,
  where,
} from '../../../core/space/index.ts'

const refused = (code: string, quoted: readonly string[], run: () => unknown) => {
  expect(run).toThrow(expect.objectContaining({ name: 'ArchloomError', code }))
  for (const text of quoted) expect(run).toThrow(text)
}

describe('descriptions that cannot be spaces', () => {
  it('an empty choice: ARCHLOOM_SPACE_EMPTY_CHOICE', () => {
    refused('ARCHLOOM_SPACE_EMPTY_CHOICE', ['oneOf()'], () => oneOf())
    refused('ARCHLOOM_SPACE_EMPTY_CHOICE', ['subset()'], () => subset([]))
    refused('ARCHLOOM_SPACE_EMPTY_CHOICE', ['variant()'], () => variant({}))
  })

  it('a value that is not a part of a space: ARCHLOOM_SPACE_PART', () => {
    const name = 'parts'
    for (const option of [undefined, () => 1, Number.NaN, Number.POSITIVE_INFINITY])
      refused('ARCHLOOM_SPACE_PART', ['plain JSON'], () => oneOf(option as never, 1))
    refused('ARCHLOOM_SPACE_PART', ['"a.b" is 3'], () => defineSpace(name, product({ a: product({ b: 3 as never }) })))
    refused('ARCHLOOM_SPACE_PART', ['"0"'], () =>
      defineSpace(
        name,
        repeat(2, () => undefined as never),
      ),
    )
    refused('ARCHLOOM_SPACE_PART', ['undefined'], () => defineSpace(name, undefined as never))
    refused('ARCHLOOM_SPACE_PART', ['a name for the space'], () => defineSpace('', oneOf(1, 2)))
    refused('ARCHLOOM_SPACE_PART', ['defineSpace()'], () => registerSearchSpace(oneOf(1, 2) as never))
  })

  it('one option twice: ARCHLOOM_SPACE_DUPLICATE_OPTION', () => {
    refused('ARCHLOOM_SPACE_DUPLICATE_OPTION', ['"conv"'], () => oneOf('conv', 'pool', 'conv'))
    refused('ARCHLOOM_SPACE_DUPLICATE_OPTION', ['[3,3]'], () =>
      subset([
        [3, 3],
        [5, 5],
        [3, 3],
      ]),
    )
  })

  it('one name twice: ARCHLOOM_SPACE_DUPLICATE_NAME', () => {
    refused('ARCHLOOM_SPACE_DUPLICATE_NAME', ['"a.b"'], () =>
      defineSpace('twice', product({ 'a.b': oneOf(1, 2), a: product({ b: oneOf(1, 2) }) })),
    )
    refused('ARCHLOOM_SPACE_DUPLICATE_NAME', ['"type"'], () => variant({ dense: product({ type: oneOf(1, 2) }) }))
    registerSearchSpace(defineSpace('one name', oneOf(1, 2)))
    refused('ARCHLOOM_SPACE_DUPLICATE_NAME', ['"one name"'], () =>
      registerSearchSpace(defineSpace('one name', oneOf(1, 2, 3))),
    )
  })

  it('impossible ranges: ARCHLOOM_SPACE_RANGE', () => {
    const code = 'ARCHLOOM_SPACE_RANGE'
    refused(code, ['"min":5,"max":1'], () => integer(5, 1))
    refused(code, ['"step":0'], () => integer(1, 5, { step: 0 }))
    refused(code, ['65,536'], () => integer(0, 100_000))
    refused(code, ['log scale'], () => real(0, 1, { scale: 'log' }))
    refused(code, ['min < max'], () => real(1, 1))
    refused(code, ['integers 0 ≤ min ≤ max'], () => repeat({ min: 3, max: 2 }, () => oneOf(1)))
    refused(code, ['"min":3'], () => subset(['a', 'b'], { min: 3 }))
    refused(code, ['"rate"'], () =>
      defineSpace('real', product({ rate: real(0, 1) }), { constraints: [sumAtMost(['rate'], 1)] }),
    )
  })

  it('a null with two meanings: ARCHLOOM_SPACE_NULL_AMBIGUOUS', () => {
    const code = 'ARCHLOOM_SPACE_NULL_AMBIGUOUS'
    const maybe = <A>(node: SpaceNode<A>) => when(oneOf(true, false), () => node)
    refused(code, ['"extra"'], () => defineSpace('null', product({ extra: maybe(maybe(oneOf(1, 2))) })))
    refused(code, ['wrap it'], () => defineSpace('null', maybe(oneOf(null, 1))))
    expect(defineSpace('wrapped', maybe(product({ value: maybe(oneOf(1, 2)) }))).size).toBe(4n)
  })

  it('a constraint on nothing: ARCHLOOM_SPACE_CONSTRAINT_PATH', () => {
    refused('ARCHLOOM_SPACE_CONSTRAINT_PATH', ['"layers.*"', '"width"'], () =>
      defineSpace('path', product({ width: oneOf(1, 2) }), { constraints: [sumAtMost(['layers.*'], 1)] }),
    )
  })

  it('constraints that leave nothing: ARCHLOOM_SPACE_CONSTRAINT_IMPOSSIBLE', () => {
    const code = 'ARCHLOOM_SPACE_CONSTRAINT_IMPOSSIBLE'
    const three = repeat(3, () => oneOf('a', 'b'))
    refused(code, ['* all different'], () => defineSpace('pigeons', three, { constraints: [allDifferent('*')] }))
    refused(code, ['"a" chosen 4'], () =>
      defineSpace('four', three, { constraints: [occurrences(['*'], 'a', { min: 4 })] }),
    )
    refused(code, ['never'], () => defineSpace('never', three, { constraints: [where(['0'], 'never', () => false)] }))
  })

  it('constraints too entangled to propagate: ARCHLOOM_SPACE_CONSTRAINT_TOO_HARD', () => {
    const bits = repeat(40, () => oneOf(0, 1))
    refused('ARCHLOOM_SPACE_CONSTRAINT_TOO_HARD', ['"parity"'], () =>
      defineSpace('parity', bits, { constraints: [where(['*'], 'never, but only known at the end', () => false)] }),
    )
  })

  it('a real decision cannot be counted: ARCHLOOM_SPACE_NOT_ENUMERABLE', () => {
    const space = defineSpace('rates', product({ rate: real(0, 1) }))
    refused('ARCHLOOM_SPACE_NOT_ENUMERABLE', ['"rate"'], () => space.size)
    refused('ARCHLOOM_SPACE_NOT_ENUMERABLE', ['"rates"'], () => [...space.enumerate()])
  })

  it('a name that is not registered: ARCHLOOM_SPACE_UNKNOWN', () => {
    refused('ARCHLOOM_SPACE_UNKNOWN', ['"nowhere"'], () => findSearchSpace('nowhere'))
  })
})

describe('genotypes and architectures of no space', () => {
  const space = defineSpace(
    'net',
    product({ op: oneOf('conv', 'pool'), depth: integer(1, 3), drop: when(oneOf(true, false), () => real(0, 1)) }),
  )
  const chosen = (candidate: unknown) => {
    const result = space.validate(candidate)
    return result.ok ? 'ok' : result.error.message
  }

  it('wrong numbers: ARCHLOOM_GENOTYPE_INVALID, with the place', () => {
    expect(chosen([0, 0, 0, 0.5])).toBe('ok')
    expect(chosen('0,0,0,0.5')).toBe('ok')
    expect(chosen([2, 0, 0, 0.5])).toMatch(/ARCHLOOM_GENOTYPE_INVALID: genotype\[0\] is 2.*2 options/)
    expect(chosen([0, 0.5, 0, 0.5])).toContain('genotype[1] is 0.5')
    expect(chosen([0, 0, 0, 1.5])).toContain('in [0, 1]')
    expect(chosen([0, 0, 1, 0.5])).toContain('inactive')
    expect(chosen([0, 0, 0, '0.5'])).toContain('genotype[3] is "0.5"')
    expect(chosen([0, 0])).toContain('[0,0]')
    for (const wrong of [null, undefined, 3, '', '0,0', '0,,0,0', { length: 4 }, 5n, () => 0])
      expect(chosen(wrong)).toContain('ARCHLOOM_GENOTYPE_INVALID')
    refused('ARCHLOOM_GENOTYPE_INVALID', ['genotype[0] is 7'], () => space.parse('7,0,0,0'))
  })

  it('a broken constraint: ARCHLOOM_GENOTYPE_CONSTRAINT', () => {
    const pair = defineSpace(
      'pair',
      repeat(2, () => oneOf(1, 2)),
      { constraints: [sumAtMost(['*'], 3)] },
    )
    refused('ARCHLOOM_GENOTYPE_CONSTRAINT', ['11', 'sum over * ≤ 3'], () => pair.parse('11'))
    refused('ARCHLOOM_GENOTYPE_CONSTRAINT', ['11'], () => pair.encode([2, 2]))
  })

  it('a decision named by two paths counts once', () => {
    const constraints = [allDifferent('*', '0'), sumAtMost(['0', '*'], 3)]
    expect(
      defineSpace(
        'pair',
        repeat(2, () => oneOf(1, 2)),
        { constraints },
      ).size,
    ).toBe(2n)
  })

  it('values that are not an architecture: ARCHLOOM_ARCHITECTURE_INVALID, with the path', () => {
    const code = 'ARCHLOOM_ARCHITECTURE_INVALID'
    const encode = (value: unknown) => () => space.encode(value as never)
    refused(code, ['"op"', '"dense"', '["conv","pool"]'], encode({ op: 'dense', depth: 1, drop: null }))
    refused(code, ['"depth"', 'undefined'], encode({ op: 'conv', drop: null }))
    refused(code, ['"drop"', '2', '[0, 1]'], encode({ op: 'conv', depth: 1, drop: 2 }))
    refused(code, ['an object with'], encode('conv'))
    refused(code, ['"depth"', 'nothing named ["deepth"]'], encode({ op: 'conv', deepth: 1, drop: null }))
    const wide = defineSpace('wide', product({ width: integer(1, 64) }))
    refused(code, ['"width" is 700', 'one of the 64 numbers 1, 2, … 64'], () => wide.encode({ width: 700 } as never))
    const parts = defineSpace(
      'parts',
      product({
        kind: variant({ a: product({ x: oneOf(1, 2) }) }),
        list: repeat({ min: 1, max: 2 }, () => oneOf(1)),
        set: subset([1, 2]),
      }),
    )
    const good = { kind: { type: 'a', x: 1 }, list: [1], set: [2] } as const
    expect(parts.decode(parts.encode(good))).toEqual(good)
    refused(code, ['"kind.type"', '"b"'], () => parts.encode({ ...good, kind: { type: 'b', x: 1 } } as never))
    refused(code, ['"list"', '1 to 2'], () => parts.encode({ ...good, list: [] }))
    refused(code, ['"set"', '3'], () => parts.encode({ ...good, set: [3] } as never))
  })
})

describe('what would be passed over without a word', () => {
  const pair = product({ a: oneOf('x', 'y'), b: integer(1, 3) })

  it('is refused: options that JSON changes', () => {
    for (const option of [
      { a: Number.NaN },
      { a: undefined },
      [1, Number.POSITIVE_INFINITY],
      new Date(0),
      new Map(),
      1n,
    ])
      refused('ARCHLOOM_SPACE_PART', ['plain JSON'], () => oneOf(option as never, 'x'))
  })

  it('is refused: an option that no decision has, in a constraint', () => {
    const constraints = [occurrences(['a'], 'z', { max: 0 })]
    refused('ARCHLOOM_SPACE_PART', ['"z"', '["x","y"]'], () => defineSpace('misspelt', pair, { constraints }))
    expect(defineSpace('right', pair, { constraints: [occurrences(['*'], 'x', { max: 0 })] }).size).toBe(3n)
  })

  it('is refused: a predicate that returns a promise or nothing', () => {
    for (const predicate of [async () => false, () => undefined])
      refused('ARCHLOOM_SPACE_PART', ['true or false'], () =>
        defineSpace('later', pair, { constraints: [where(['a'], 'later', predicate as never)] }),
      )
  })

  it('is refused: a condition that is never true', () => {
    for (const condition of [integer(0, 1), oneOf('true', 'false'), product({ on: oneOf(true) })])
      refused('ARCHLOOM_SPACE_PART', ['oneOf(true, false)'], () =>
        defineSpace(
          'never',
          when(condition as never, () => pair),
        ),
      )
  })

  it('is refused: a value of an architecture that the space does not have', () => {
    const space = defineSpace('pair', pair)
    refused('ARCHLOOM_ARCHITECTURE_INVALID', ['"width"', '64', '["a","b"]'], () =>
      space.encode({ a: 'x', b: 2, width: 64 } as never),
    )
    const kinds = defineSpace('kinds', variant({ one: product({ a: oneOf(1, 2) }), two: product({}) }))
    expect(kinds.encode({ type: 'one', a: 2 })).toEqual([0, 1])
    refused('ARCHLOOM_ARCHITECTURE_INVALID', ['"two.a"'], () => kinds.encode({ type: 'two', a: 2 } as never))
    const holes = defineSpace(
      'holes',
      repeat(2, () => oneOf(1, 2)),
    )
    refused('ARCHLOOM_ARCHITECTURE_INVALID', ['"0"'], () => holes.encode(Object.assign([], { 1: 2 }) as never))
  })
})
