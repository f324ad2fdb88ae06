import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { jobId, queueName } from '../../../plugins/distributed/keys.ts'
import { readReport } from '../../../plugins/distributed/presence.ts'
import {
  encode,
  MESSAGE_LIMIT,
  readJob,
  readNews,
  readResult,
  type WireJob,
  type WireResult,
} from '../../../plugins/distributed/wire.ts'

const trial = { trial: 3, rung: 1, genotype: [0, 2], fidelity: 0.5, seed: 77, mayContinue: true }
const checkpoint = { name: 'a'.repeat(64), sha256: 'b'.repeat(64), bytes: 5 }
const job: WireJob = { study: 's', studyId: 'i', trials: [{ ...trial, checkpoint: { ...checkpoint, fidelity: 0.25 } }] }
const runs = process.env.ARCHLOOM_SLOW ? 10_000 : 1000

describe('messages', () => {
  it('bring every number as it was', () => {
    const metrics = { a: Number.NaN, b: Number.POSITIVE_INFINITY, c: Number.NEGATIVE_INFINITY, d: 0.1 + 0.2 }
    const result: WireResult = { worker: 'w', outcomes: [{ trial: 0, rung: 0, metrics, checkpoint }] }
    expect(readResult(encode('result', result))).toEqual(result)
    expect(readJob(encode('job', job))).toEqual(job)
    const news = [
      { trial: 0, rung: 0, step: 1, metrics },
      { trial: 0, rung: 0, name: 'told', facts: { none: null } },
    ]
    expect(readNews(encode('progress message', news))).toEqual(news)
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.double({ noDefaultInfinity: false })), (values) => {
        const given = Object.fromEntries(Object.entries(values).filter(([key]) => key !== '__proto__'))
        const read = readResult(encode('result', { worker: 'w', outcomes: [{ trial: 0, rung: 0, metrics: given }] }))
        if (!('outcomes' in read)) return false
        const [outcome] = read.outcomes
        const back = outcome && 'metrics' in outcome ? outcome.metrics : {}
        // JSON has no negative zero.
        return Object.entries(given).every(([key, value]) => Object.is(back[key], value === 0 ? 0 : value))
      }),
      { numRuns: runs },
    )
  })

  it.each([
    ['no text', { study: 's' }],
    ['no JSON', '{'],
    ['another shape', '[]'],
    ['no trials', '{"study":"s","studyId":"i","trials":[]}'],
    ['a trial that is none', '{"study":"s","studyId":"i","trials":[null]}'],
    ['a fidelity of 2', JSON.stringify({ ...job, trials: [{ ...trial, fidelity: 2 }] })],
    ['a negative trial', JSON.stringify({ ...job, trials: [{ ...trial, trial: -1 }] })],
    ['a seed that is text', JSON.stringify({ ...job, trials: [{ ...trial, seed: '1' }] })],
    [
      'a path for a checkpoint',
      JSON.stringify({ ...job, trials: [{ ...trial, checkpoint: { ...checkpoint, name: '../x', fidelity: 1 } }] }),
    ],
    ['a genotype of names', JSON.stringify({ ...job, trials: [{ ...trial, genotype: ['__proto__'] }] })],
    [
      'a polluting name',
      `{"study":"s","studyId":"i","trials":[{"__proto__":{"x":1},${JSON.stringify(trial).slice(1)}]}`,
    ],
    [
      'the same, escaped',
      `{"study":"s","studyId":"i","trials":[{"\\u005f_proto__":{"x":1},${JSON.stringify(trial).slice(1)}]}`,
    ],
    ['nesting without end', `${'['.repeat(100_000)}${']'.repeat(100_000)}`],
  ])('a job with %s is refused', (_, text) => {
    expect(() => readJob(text)).toThrow('ARCHLOOM_DISTRIBUTED_MESSAGE')
  })

  it('larger than the limit are refused before they are parsed, and before they are sent', () => {
    const limit = 'ARCHLOOM_DISTRIBUTED_SIZE'
    expect(() => readJob('x'.repeat(MESSAGE_LIMIT + 1))).toThrow(limit)
    expect(() => encode('job', { ...job, study: 'x'.repeat(MESSAGE_LIMIT) })).toThrow(limit)
  })

  it('of any content are read, or refused with a code', () => {
    const texts = fc.oneof(
      fc.string(),
      fc.json(),
      fc.json().map((text) => `{"study":"s","studyId":"i","trials":[${text}]}`),
    )
    fc.assert(
      fc.property(texts, (text) => {
        for (const read of [readJob, readResult, readNews])
          try {
            read(text)
          } catch (thrown) {
            if (!/^ARCHLOOM_DISTRIBUTED_(MESSAGE|SIZE)/.test(String((thrown as Error).message))) throw thrown
          }
        readReport(text)
      }),
      { numRuns: runs },
    )
    expect(Object.prototype).not.toHaveProperty('x')
  })
})

describe('names', () => {
  it('of jobs are the same for the same work, and such as BullMQ takes', () => {
    const id = jobId('study', [trial], [0])
    expect(id).toBe(jobId('study', [{ ...trial }], [0]))
    expect(id).toMatch(/^trial-3-rung-1-[0-9a-f]{20}$/)
    const others = [
      jobId('other', [trial], [0]),
      jobId('study', [trial], [1]),
      jobId('study', [{ ...trial, rung: 2 }], [0]),
      jobId('study', [{ ...trial, genotype: [0, 3] }], [0]),
      jobId('study', [trial, { ...trial, trial: 4 }], [0, 0]),
    ]
    expect(new Set([id, ...others]).size).toBe(6)
  })

  it('of queues differ where the code or the space does', () => {
    const name = queueName('q', { code: 'a', space: 'b' })
    expect(name).not.toBe(queueName('q', { code: 'a', space: 'c' }))
    expect(name).not.toBe(queueName('q', { code: 'c', space: 'b' }))
  })
})
