import { describe, expect, it } from 'vitest'
import { jobSize } from '../../../plugins/distributed/job-size.ts'

const load = { pending: 512, places: 4 }
const saw = (size: ReturnType<typeof jobSize>, ...seconds: readonly number[]) => {
  for (const each of seconds) size.saw(each)
}

describe('the number of trials in a job', () => {
  it('is one until a trial was measured, and for trials of a tenth of a second or more', () => {
    const size = jobSize(undefined)
    expect(size.next(load)).toBe(1)
    saw(size, 0.1, 3, 60)
    expect(size.next(load)).toBe(1)
  })

  it('grows for short trials until a job takes a twentieth of a second, or holds 64', () => {
    const size = jobSize(undefined)
    saw(size, ...Array<number>(10).fill(0.005))
    expect(size.next(load)).toBe(10)
    saw(size, ...Array<number>(2000).fill(0.00001))
    expect(size.next(load)).toBe(64)
  })

  it('leaves two jobs for each place of the workers', () => {
    const size = jobSize(undefined)
    saw(size, 0.0001)
    expect(size.next({ pending: 80, places: 4 })).toBe(10)
    expect(size.next({ pending: 8, places: 4 })).toBe(1)
    expect(size.next({ pending: 0, places: 0 })).toBe(1)
  })

  it('falls to one if a few of many trials are long', () => {
    const size = jobSize(undefined)
    const some = Array.from({ length: 300 }, (_, at) => (at % 50 === 0 ? 10 : 0.0001))
    saw(size, ...some)
    expect(size.next(load)).toBe(1)
  })

  it('stays as it was set', () => {
    const size = jobSize(7)
    saw(size, 0.00001, 100)
    expect(size.next({ pending: 1, places: 100 })).toBe(7)
    expect(size.mayWait).toBe(false)
  })
})
