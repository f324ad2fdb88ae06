import { describe, expectTypeOf, it } from 'vitest'
import {
  defineSpace,
  type Infer,
  integer,
  oneOf,
  product,
  real,
  repeat,
  subset,
  variant,
  when,
} from '../../../core/space/index.ts'

const node = product({
  op: oneOf('conv', 'pool', null),
  depth: integer(1, 4),
  rate: real(0, 1),
  pair: repeat(2, () => oneOf(3, 5)),
  list: repeat({ min: 1, max: 3 }, () => product({ width: oneOf(16, 32) })),
  drop: when(oneOf(true, false), () => oneOf(0.1, 0.3)),
  taps: subset(['early', 'late']),
  stem: variant({
    convolution: product({ kernel: oneOf(3, 5) }),
    patches: product({ size: oneOf(2, 4), overlap: oneOf(true, false) }),
  }),
})
const space = defineSpace('typed', node)
type Architecture = Infer<typeof space>
declare const architecture: Architecture

describe('Infer', () => {
  it('gives the same type from a node and from its space', () => {
    expectTypeOf<Infer<typeof node>>().toEqualTypeOf<Architecture>()
    expectTypeOf(space.decode([])).toEqualTypeOf<Architecture>()
  })

  it('gives choices as unions of their options, numbers as numbers', () => {
    expectTypeOf(architecture.op).toEqualTypeOf<'conv' | 'pool' | null>()
    expectTypeOf(architecture.depth).toEqualTypeOf<number>()
    expectTypeOf(architecture.rate).toEqualTypeOf<number>()
  })

  it('gives a fixed repeat as a tuple, a varying one as an array', () => {
    expectTypeOf(architecture.pair).toEqualTypeOf<readonly [3 | 5, 3 | 5]>()
    expectTypeOf(architecture.list).toEqualTypeOf<readonly { readonly width: 16 | 32 }[]>()
  })

  it('gives conditional parts as unions', () => {
    expectTypeOf(architecture.drop).toEqualTypeOf<0.1 | 0.3 | null>()
    expectTypeOf(architecture.stem).toEqualTypeOf<
      | { readonly type: 'convolution'; readonly kernel: 3 | 5 }
      | { readonly type: 'patches'; readonly size: 2 | 4; readonly overlap: boolean }
    >()
    if (architecture.stem.type === 'patches') expectTypeOf(architecture.stem.overlap).toEqualTypeOf<boolean>()
  })

  it('gives a subset as an array of its options', () => {
    expectTypeOf(architecture.taps).toEqualTypeOf<readonly ('early' | 'late')[]>()
  })

  it('hands the architecture to build and cost', () => {
    defineSpace('costed', node, {
      cost: (given) => {
        expectTypeOf(given).toEqualTypeOf<Architecture>()
        return { multiplyAdds: 0, parameters: 0 }
      },
    })
  })
})

describe('planted errors are caught', () => {
  it('options, keys and lengths that do not exist', () => {
    // @ts-expect-error no such operation
    expectTypeOf(architecture.op === 'dense')
    // @ts-expect-error no such part
    expectTypeOf(architecture.width)
    // @ts-expect-error the tuple has two elements
    expectTypeOf(architecture.pair[2])
    // @ts-expect-error no such tap
    expectTypeOf(architecture.taps.includes('middle'))
  })

  it('a conditional part used without looking', () => {
    // @ts-expect-error only patches have a size
    expectTypeOf(architecture.stem.size)
    // @ts-expect-error may be null
    expectTypeOf(architecture.drop.toFixed())
    const name = (): string =>
      // @ts-expect-error there are two kinds of stem
      ({ convolution: 'c' })[architecture.stem.type]
    expectTypeOf(name).toBeFunction()
  })

  it('writing, and encoding a value that is not an architecture', () => {
    // @ts-expect-error architectures are read-only
    architecture.depth = 2
    // @ts-expect-error parts are missing
    space.encode({ op: 'conv' })
    // @ts-expect-error 7 is no kernel
    space.encode({ ...architecture, stem: { type: 'convolution', kernel: 7 } })
  })

  it('descriptions that make no sense', () => {
    // @ts-expect-error the condition of when() is a boolean
    when(oneOf('yes', 'no'), () => oneOf(1))
    // @ts-expect-error the parts of a variant are products
    variant({ one: oneOf(1, 2) })
    // @ts-expect-error options are plain JSON
    oneOf(() => 1)
  })
})
