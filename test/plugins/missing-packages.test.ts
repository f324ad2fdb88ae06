import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { createSearch, memoryStore, type Plugin, readEvents } from 'archloom'
import { dashboard } from 'archloom/plugins/dashboard'
import { mlflow } from 'archloom/plugins/mlflow'
import { openTelemetry } from 'archloom/plugins/opentelemetry'
import { optunaJournal } from 'archloom/plugins/optuna-journal'
import { pinoLog } from 'archloom/plugins/pino'
import { random } from 'archloom/plugins/random'
import { tensorboard } from 'archloom/plugins/tensorboard'
import { expect, it, vi } from 'vitest'
import { digits, sum } from '../core/search/parts.ts'

const absent = vi.hoisted(() => (name: string) => () => {
  throw new Error(`Cannot find package '${name}'`)
})
vi.mock('pino', absent('pino'))
vi.mock('@opentelemetry/api', absent('@opentelemetry/api'))
vi.mock('fastify', absent('fastify'))

const compose = (plugin: Plugin, evaluated: number[], study = memoryStore()) =>
  createSearch({
    space: digits,
    evaluator: (architecture: { readonly digit: readonly number[] }, { trial }) => {
      evaluated.push(trial)
      return { sum: sum(architecture) }
    },
    plugins: [random(), plugin],
    objectives: { sum: 'maximise' },
    budget: { maxTrials: 2 },
    study,
  })

it.each([
  ['pino', 'ARCHLOOM_PACKAGE_MISSING', pinoLog],
  ['@opentelemetry/api', 'ARCHLOOM_PACKAGE_MISSING', openTelemetry],
  ['fastify', 'ARCHLOOM_DASHBOARD_PACKAGE_MISSING', dashboard],
] as const)(
  'an observer without its package %s is refused with %s before the first trial',
  async (name, code, plugin) => {
    const evaluated: number[] = []
    const store = memoryStore()
    const search = compose(plugin(), evaluated, store)
    await expect(search.finish()).rejects.toThrow(new RegExp(`^${code}: .*${name}.*npm install`))
    await search[Symbol.asyncDispose]()
    expect([evaluated, await readEvents(store)]).toEqual([[], []])
  },
)

it.each([
  ['mlflow', 'ARCHLOOM_MLFLOW', () => mlflow({ url: 'http://127.0.0.1:9' })],
  ['tensorboard', '', () => tensorboard({ directory: '/dev/null/events' })],
  ['optuna-journal', 'ARCHLOOM_OPTUNA_JOURNAL', () => optunaJournal({ file: '/dev/null/journal' })],
  ['dashboard', 'ARCHLOOM_DASHBOARD_ADDRESS', (port: number) => dashboard({ port })],
] as const)('an observer whose target cannot be reached warns at once: %s', async (name, code, plugin) => {
  vi.doUnmock('fastify')
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const store = memoryStore()
  const evaluated: number[] = []
  const search = compose(plugin((other.address() as AddressInfo).port), evaluated, store)
  const state = await search.finish()
  const events = await readEvents(store)
  await Promise.resolve(search[Symbol.asyncDispose]()).catch(() => {})
  other.close()
  expect([state.completed, evaluated]).toEqual([2, [0, 1]])
  expect(events[1]).toMatchObject({
    type: 'search.warning',
    code: 'ARCHLOOM_OBSERVER_FAILED',
    message: expect.stringContaining(`the observer "${name}" failed: ${code}`),
  })
})
