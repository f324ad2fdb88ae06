import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ArchloomError, defineErrors, errorCodes, messageOf, quote } from '../../core/errors.ts'

const error = defineErrors('test-room', {
  ARCHLOOM_TEST_WIDTH: (d: { received: unknown; limit: number }) =>
    `width is ${quote(d.received)}; expected at most ${d.limit}.`,
})

describe('coded errors', () => {
  it('carry code, details, cause and a message that begins with the code', () => {
    const cause = new Error('inner')
    const thrown = error('ARCHLOOM_TEST_WIDTH', { received: 9, limit: 4 }, { cause })
    expect(thrown).toBeInstanceOf(Error)
    expect(thrown.code).toBe('ARCHLOOM_TEST_WIDTH')
    expect(thrown.message).toBe('ARCHLOOM_TEST_WIDTH: width is 9; expected at most 4.')
    expect(thrown.details).toEqual({ received: 9, limit: 4 })
    expect(thrown.cause).toBe(cause)
  })

  it('are distinguished from others, also across copies of the package', () => {
    expect(ArchloomError.is(error('ARCHLOOM_TEST_WIDTH', { received: 9, limit: 4 }))).toBe(true)
    const foreign = Object.assign(new Error('x'), { name: 'ArchloomError', code: 'ARCHLOOM_X', details: {} })
    expect(ArchloomError.is(foreign)).toBe(true)
    for (const other of [new Error('x'), null, undefined, 'ArchloomError', { name: 'ArchloomError', code: 'X' }])
      expect(ArchloomError.is(other)).toBe(false)
  })

  it('list their codes', () => {
    expect(error.codes).toEqual(['ARCHLOOM_TEST_WIDTH'])
    expect(errorCodes()).toContain('ARCHLOOM_TEST_WIDTH')
  })
})

describe('quote', () => {
  it('never throws, and never exceeds its limit', () => {
    fc.assert(
      fc.property(fc.anything({ withBigInt: true, withNullPrototype: true, withSparseArray: true }), (value) => {
        expect(quote(value, 40).length).toBeLessThanOrEqual(40)
      }),
      { seed: 1, numRuns: 500 },
    )
    const circular: { self?: unknown } = {}
    circular.self = circular
    expect(quote(circular)).toBe('[object Object]')
    const hostile = {
      toJSON: () => {
        throw new Error('no')
      },
    }
    expect(quote(hostile)).toBe('[object Object]')
  })

  it('shows values as they would be written', () => {
    expect(quote('a"b')).toBe('"a\\"b"')
    expect(quote([1, 'x', null])).toBe('[1,"x",null]')
    expect(quote(10n)).toBe('10n')
    expect(quote({ size: 10n })).toBe('{"size":"10n"}')
    expect(quote({ loss: Number.NaN, make: parseInt })).toBe('{"loss":"NaN","make":"function parseInt"}')
    expect(quote(undefined)).toBe('undefined')
    expect(quote(Number.NaN)).toBe('NaN')
    expect(quote(Symbol('s'))).toBe('Symbol(s)')
    expect(quote(Math.max)).toBe('function max')
    expect(quote(new TypeError('bad'))).toBe('TypeError: bad')
    expect(quote('x'.repeat(50), 10)).toBe(`"${'x'.repeat(8)}…`)
  })
})

describe('messageOf', () => {
  it('reads anything that was thrown', () => {
    expect(messageOf(new Error('broken'))).toBe('broken')
    expect(messageOf('broken')).toBe('"broken"')
    expect(messageOf(undefined)).toBe('undefined')
  })
})
