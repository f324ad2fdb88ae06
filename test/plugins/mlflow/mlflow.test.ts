import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSearch, type Observed, type Observer, type SearchEvent, studiesAt } from 'archloom'
import { mlflow } from 'archloom/plugins/mlflow'
import { random } from 'archloom/plugins/random'
import { Observable } from 'rxjs'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { mlflowNames } from '../../../plugins/mlflow/names.ts'
import { describeWhere } from '../../conditional-suites.ts'
import { digits, sum } from '../../core/search/parts.ts'
import { eventful, HOSTILE } from '../eventful-study.ts'
import { fakeMlflow } from './fake-server.ts'

const GOLDEN = new URL('../../assets/mlflow-requests.json', import.meta.url)

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'archloom-mlflow-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

/** Passes events through the observer, as a search that opens their study does. */
async function observe(events: readonly SearchEvent[], options: Parameters<typeof mlflow>[0]): Promise<void> {
  const observers: Observer[] = []
  const binder = { observer: { to: (given: Observer) => void observers.push(given) } }
  mlflow({ everyMs: 1, ...options }).bind(binder as never)
  const end = observers[0]!({
    study: 'eventful',
    location: 'memory',
    from: 0,
    record: { state: { seq: events.at(-1)!.seq } },
    on: () => () => {},
    events$: new Observable<SearchEvent>((to) => {
      for (const event of events) to.next(event)
    }),
  } as unknown as Observed)
  await end?.()
}

it('names are those that MLflow accepts, and different names stay different', () => {
  const nameOf = mlflowNames()
  const names = ['top-1 accuracy', 'a@b', 'a%b', 'a@b', '/x//y/', '../x', 'größe', '', '.', 'x'.repeat(300)]
  const found = names.map(nameOf)
  expect(found).toEqual(['top-1 accuracy', 'a_b', 'a_b_2', 'a_b', 'x/y', '_../x', 'größe', '_', '_.', 'x'.repeat(250)])
  expect(nameOf(`${'x'.repeat(300)}y`)).toBe(`${'x'.repeat(248)}_2`)
})

it('an address that is none is refused, and a password is not shown', () => {
  expect(() => mlflow({ url: 'localhost:5000' })).toThrow(/^ARCHLOOM_OPTION: .*"localhost:5000"/)
  expect(JSON.stringify(mlflow({ url: 'http://me:secret@host', token: 'secret' }).options)).not.toContain('secret')
})

describe('against a small server', () => {
  let server: Awaited<ReturnType<typeof fakeMlflow>>
  beforeEach(async () => {
    server = await fakeMlflow()
  })
  afterEach(() => server.close())

  const compose = async (maxTrials: number, more: Parameters<typeof mlflow>[0] = {}) =>
    createSearch({
      space: digits,
      evaluator: (architecture: { readonly digit: readonly number[] }) => ({ sum: sum(architecture) }),
      plugins: [random(), mlflow({ url: server.url, everyMs: 1, ...more })],
      objectives: { sum: 'maximise' },
      budget: { maxTrials },
      study: { name: 'mine', storage: await studiesAt(`journal:${directory}`) },
    })
  const sent = (path: string) => server.requests.filter((request) => request.path === `mlflow/${path}`)
  const metric = (run: string, key: string) =>
    sent('runs/log-batch')
      .map(({ body }) => body)
      .filter(({ run_id }) => run_id === run)
      .flatMap(({ metrics }) => metrics.filter((each) => each.key === key))
      .map(({ step, value }) => [step, value])

  /** All requests by the name of their run; those of each run are in order. Runs are written at the same time. */
  function requestsByRun(): string {
    const found: Record<string, unknown[]> = { none: [] }
    for (const run of server.runs) found[run.info.run_name] = []
    for (const request of server.requests) {
      const text = JSON.stringify(request)
      const isCreation = request.path === 'mlflow/runs/create'
      const run = server.runs.find(({ info }) =>
        isCreation
          ? text.includes(`"${info.run_name}"`)
          : text.includes(`"${info.run_id}"`) || text.includes(`/${info.run_id}/`),
      )
      found[run?.info.run_name ?? 'none']!.push(JSON.parse(run ? text.replaceAll(run.info.run_id, 'ID') : text))
    }
    return JSON.stringify(Object.fromEntries(Object.entries(found).sort()), null, 1)
  }

  it('sends the requests that MLflow 3.17.2 has answered', async () => {
    await observe(eventful, { url: server.url })
    const text = requestsByRun()
    if (process.env.ARCHLOOM_RECORD) writeFileSync(GOLDEN, text)
    expect(JSON.parse(text)).toEqual(JSON.parse(readFileSync(GOLDEN, 'utf8')))
  })

  it('continues the runs of a resumed study without repeating anything', async () => {
    for (const maxTrials of [3, 6]) {
      await using search = await compose(maxTrials, { runs: 5 })
      await search.finish()
    }
    expect(server.runs.map(({ info }) => info.run_name).sort()).toEqual([
      'mine',
      ...[0, 1, 2, 3, 4].map((trial) => `trial-00000${trial}`),
    ])
    expect(metric('run0', 'trials/sum').map(([step]) => step)).toEqual([0, 1, 2, 3, 4, 5])
    const ends = sent('runs/update').map(({ body }) => body)
    expect(ends.filter(({ run_id }) => run_id === 'run0').map(({ status }) => status)).toEqual([
      'FINISHED',
      'RUNNING',
      'FINISHED',
    ])
    expect(ends.filter(({ run_id }) => run_id !== 'run0')).toHaveLength(5)
  })

  it('sends each event once although requests fail, and those after a refused one', async () => {
    server.state.failures.push(503, 429, 500)
    await using search = await compose(4)
    await search.finish()
    await search[Symbol.asyncDispose]()
    expect(metric('run0', 'trials/sum').map(([step]) => step)).toEqual([0, 1, 2, 3])
    expect(server.runs).toHaveLength(5)
  })

  it('leaves out a request that is refused for good, and says so at the end', async () => {
    server.state.refuses = ({ path, body }) =>
      path.endsWith('log-batch') && JSON.stringify(body).includes('"params":[{')
    const search = await compose(4)
    await search.finish()
    await Promise.resolve(search[Symbol.asyncDispose]()).catch(({ message }: Error) =>
      expect(message).toMatch(/^ARCHLOOM_MLFLOW_REFUSED: .* refused POST .*log-batch with status 400: "a failure/),
    )
    expect(search.record().state.completed).toBe(4)
    expect(server.runs).toHaveLength(5)
    expect(sent('runs/update')).toHaveLength(5)
  })

  it('says that the token is missing', async () => {
    server.state.failures.push(...Array.from({ length: 99 }, () => 401))
    const search = await compose(2)
    await search.finish()
    await expect(search[Symbol.asyncDispose]()).rejects.toThrow(/^ARCHLOOM_MLFLOW_ACCESS: .* status 401; expected/)
  })

  it('a server that never answers does not delay the search, and does not keep it from ending', async () => {
    server.state.failures.push(...Array.from({ length: 99 }, () => 0))
    const search = await compose(3, { timeoutMs: 100 })
    await search.finish()
    expect(search.record().state).toMatchObject({ status: 'finished', completed: 3 })
    await expect(search[Symbol.asyncDispose]()).rejects.toThrow(/^ARCHLOOM_MLFLOW: .* did not answer GET/)
  })

  it('values that are not finite, equal steps and long values arrive as MLflow can hold them', async () => {
    const [first] = eventful
    const proposed = {
      type: 'trial.proposed',
      trial: 0,
      genotype: [0, 0, 0, 0, 0.001, 0.25],
    }
    const progress = (step: number, value: number) => ({
      type: 'trial.progress',
      trial: 0,
      step,
      metrics: { 'loss%': value },
    })
    const drafts = [
      { ...proposed, seed: 1, architecture: { long: 'x'.repeat(9000) } },
      progress(1, Number.NaN),
      progress(1, Number.POSITIVE_INFINITY),
      progress(2.4, Number.NEGATIVE_INFINITY),
      progress(0, -0),
    ]
    const events = [first, ...drafts.map((draft, i) => ({ seq: i + 1, ...draft, at: 1000.5 }))] as SearchEvent[]
    await observe(events, { url: server.url })
    expect(metric('run1', 'loss_')).toEqual([
      [1, 'NaN'],
      [2, 'Infinity'],
      [3, '-Infinity'],
      [4, 0],
    ])
    const tags = server.runs[1]!.data.tags
    expect(tags.find(({ key }) => key === 'archloom.architecture')!.value).toHaveLength(8000)
    const file = server.requests.find(({ path }) => path.endsWith('/run1/artifacts/architecture.json'))!
    expect(JSON.parse(file.text)).toEqual({ long: 'x'.repeat(9000) })
  })

  it('one request holds at most 1,000 metrics, and less where it has parameters', async () => {
    const progress = Array.from({ length: 1500 }, (_, step) => ({
      seq: step + 2,
      type: 'trial.progress',
      trial: 0,
      step,
      metrics: { loss: step },
      at: 1,
    }))
    await observe([...eventful.slice(0, 2), ...progress] as SearchEvent[], { url: server.url })
    const sizes = sent('runs/log-batch')
      .map(({ body }) => body)
      .filter(({ run_id }) => run_id === 'run1')
      .map(({ metrics, params, tags }) => [metrics.length, params.length, tags.length])
    expect(sizes).toEqual([
      [994, 6, 0],
      [506, 0, 0],
    ])
  })
})

const python = process.env.ARCHLOOM_PYTHON ?? 'python3'
const hasMlflow =
  spawnSync(python, ['-c', 'import importlib.util as u; exit(u.find_spec("mlflow") is None)']).status === 0
describeWhere(hasMlflow, 'the real MLflow (needs a Python with mlflow, which ARCHLOOM_PYTHON names)', () => {
  let place: string
  let url: string
  let server: ChildProcess
  beforeAll(async () => {
    place = mkdtempSync(join(tmpdir(), 'archloom-mlflow-server-'))
    const port = await new Promise<number>((resolve) => {
      const probe = createServer().listen(0, '127.0.0.1', () => {
        const { port } = probe.address() as { port: number }
        probe.close(() => resolve(port))
      })
    })
    url = `http://127.0.0.1:${port}`
    const stores = ['--backend-store-uri', `sqlite:///${place}/runs.db`, '--artifacts-destination', `${place}/files`]
    const address = ['--host', '127.0.0.1', '--port', String(port), '--workers', '1']
    server = spawn(python, ['-m', 'mlflow', 'server', ...stores, ...address], { stdio: 'ignore', detached: true })
    for (let i = 0; i < 300; i++) {
      if (
        await fetch(`${url}/health`).then(
          ({ ok }) => ok,
          () => false,
        )
      )
        return
      await new Promise((resolve) => setTimeout(resolve, 1000))
    }
  }, 320_000)
  afterAll(() => {
    process.kill(-server.pid!)
    rmSync(place, { recursive: true, force: true })
  })
  interface Found {
    readonly info: { readonly run_name: string; readonly run_id: string; readonly status: string }
    readonly data: Readonly<Record<'params' | 'tags', readonly { readonly key: string; readonly value: string }[]>>
  }
  interface Answered {
    readonly runs: readonly Found[]
    readonly metrics: readonly { readonly step: number; readonly value: unknown }[]
    readonly files: readonly { readonly path: string }[]
  }
  const ask = async (path: string, body?: object): Promise<Answered> => {
    const init = body && { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
    return (await (await fetch(`${url}/api/2.0/mlflow/${path}`, init)).json()) as Answered
  }

  it('has every run with its status, parameters, curve, tags and files', async () => {
    // Again and again, as after kills: a server that has just started is slow, and nothing may be there twice.
    let complete = 0
    for (let i = 0; i < 10 && complete < 2; i++)
      await observe(eventful, { url }).then(
        () => complete++,
        ({ code }) => expect(code).toBe('ARCHLOOM_MLFLOW'),
      )
    expect(complete).toBe(2)
    const { runs } = await ask('runs/search', { experiment_ids: ['1'] })
    const named = (name: string) => runs.find(({ info }) => info.run_name === name)!
    expect(runs.map(({ info }) => [info.run_name, info.status]).sort()).toEqual([
      ['eventful', 'RUNNING'],
      ['trial-000000', 'FINISHED'],
      ['trial-000001', 'FAILED'],
      ['trial-000002', 'KILLED'],
      ['trial-000003', 'FINISHED'],
      ['trial-000004', 'FINISHED'],
      ['trial-000005', 'RUNNING'],
      ['trial-000006', 'SCHEDULED'],
    ])
    const failed = named('trial-000001')
    const params = Object.fromEntries(failed.data.params.map(({ key, value }) => [key, value]))
    expect(params).toEqual({ operation: HOSTILE, shape: '[5,5]', width: '64', depth: '16', rate: '1', drop: '0' })
    const tags = new Map(failed.data.tags.map(({ key, value }) => [key, value]))
    expect(tags.get('archloom.failure.message')).toBe(`no luck: ${HOSTILE}`)
    expect(tags.get('mlflow.parentRunId')).toBe(named('eventful').info.run_id)
    const { metrics } = await ask(`metrics/get-history?run_id=${named('trial-000000').info.run_id}&metric_key=accuracy`)
    expect(metrics.map(({ step, value }) => [step, value])).toEqual([
      [1, 'NaN'],
      [2, 0.5],
      [3, 0.75],
      [4, 0.75],
    ])
    const { files } = await ask(`artifacts/list?run_id=${failed.info.run_id}`)
    expect(files.map(({ path }) => path)).toEqual(['failure.txt'])
  }, 180_000)
})
