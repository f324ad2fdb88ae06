import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSearch, studiesAt } from 'archloom'
import { type Logger, pinoLog } from 'archloom/plugins/pino'
import { random } from 'archloom/plugins/random'
import { pino } from 'pino'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { lineOf } from '../../../plugins/pino/lines.ts'
import { digits, sum } from '../../core/search/parts.ts'
import { eventful, HOSTILE } from '../eventful-study.ts'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'archloom-pino-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const compose = async (maxTrials: number, log: Parameters<typeof pinoLog>[0]) =>
  createSearch({
    space: digits,
    evaluator: (architecture: { readonly digit: readonly number[] }, { trial }) => {
      if (trial === 1) throw new RangeError('no luck')
      return { sum: sum(architecture), loss: Number.POSITIVE_INFINITY }
    },
    plugins: [random(), pinoLog(log)],
    objectives: { sum: 'minimise' },
    budget: { maxTrials },
    study: { name: 'mine', storage: await studiesAt(`journal:${directory}`) },
  })

const linesOf = (text: string): Readonly<Record<string, unknown>>[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))

it('a file holds one line for each event of the level, and a resumed search adds only its own', async () => {
  const file = join(directory, 'logs', 'search.log')
  for (const maxTrials of [3, 5]) {
    await using search = await compose(maxTrials, { file })
    await search.finish()
  }
  const lines = linesOf(readFileSync(file, 'utf8'))
  const of = (type: string) => lines.filter(({ event }) => event === type)
  expect(lines.every(({ name, study, pid }) => name === 'archloom' && study === 'mine' && pid === process.pid)).toBe(
    true,
  )
  expect(of('search.started')).toHaveLength(1)
  expect(of('search.resumed')).toHaveLength(1)
  expect([...of('trial.completed'), ...of('trial.failed')].map(({ trial }) => trial).sort()).toEqual([0, 1, 2, 3, 4])
  expect(of('trial.proposed')).toEqual([])
  expect(of('trial.failed')[0]).toMatchObject({
    level: 50,
    code: 'ARCHLOOM_EVALUATION_THREW',
    msg: 'trial 1 failed: ARCHLOOM_EVALUATION_THREW: the evaluator threw: no luck',
    err: { message: expect.stringContaining('no luck'), stack: expect.stringContaining('RangeError') },
  })
  expect(of('trial.completed')[0]).toMatchObject({ metrics: { loss: 'Infinity' } })
})

it('lines go to a logger of one’s own, at its level', async () => {
  const written: string[] = []
  const logger = pino({ level: 'trace' }, { write: (line: string) => void written.push(line) })
  await using search = await compose(2, { logger })
  await search.finish()
  await search[Symbol.asyncDispose]()
  const events = linesOf(written.join('')).map(({ event }) => event)
  expect(events).toContain('trial.proposed')
  expect(events).toContain('controller.updated')
})

it('a logger that throws does not stop the search, and is an error of its end', async () => {
  const fail = () => {
    throw new Error('disk full')
  }
  const logger: Logger = { trace: fail, debug: fail, info: fail, warn: fail, error: fail }
  const search = await compose(3, { logger })
  await search.finish()
  expect(search.record().state).toMatchObject({ status: 'finished', failed: 1 })
  await expect(search[Symbol.asyncDispose]()).rejects.toThrow('disk full')
})

it('every event has a line that JSON can hold, and no field takes a name of pino', () => {
  for (const event of eventful) {
    const line = lineOf(event)!
    expect(line.message).not.toBe('')
    expect(JSON.parse(JSON.stringify(line.fields))).toEqual(line.fields)
    for (const name of ['time', 'level', 'msg', 'pid', 'hostname', 'name']) {
      expect(line.fields).not.toHaveProperty(name)
    }
  }
  expect(lineOf(eventful.find(({ type }) => type === 'trial.failed')!)?.message).toBe(
    `trial 1 failed: no luck: ${HOSTILE}`,
  )
})
