import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSearch, type EventOf, memoryStore, type SearchEvent, seeded, virtualClock } from 'archloom'
import { type WorkerPoolOptions, workerPool } from 'archloom/evaluators/worker-pool'
import { random } from 'archloom/plugins/random'
import { evaluationContext } from 'archloom/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { space } from './modules/behaviours.ts'

type Behaviour = Parameters<typeof space.encode>[0]['does']
const module = new URL('./modules/behaviours.ts', import.meta.url)
const parts = { space, rng: seeded(1), clock: virtualClock() }

const folder = mkdtempSync(join(tmpdir(), 'archloom-pool-'))
beforeAll(() => {
  process.env.ARCHLOOM_TEST_MARK = join(folder, 'mark')
})
afterAll(() => {
  delete process.env.ARCHLOOM_TEST_MARK
  rmSync(folder, { recursive: true })
})

interface Told {
  readonly name: string
  readonly facts: unknown
}

/** Evaluates one after the other in a pool of one; metrics or what was thrown, and what was told. */
async function evaluated(does: readonly Behaviour[], options: Partial<WorkerPoolOptions> = {}) {
  const evaluator = await workerPool({ module, size: 1, graceSeconds: 0.1, ...options }).create(parts)
  const told: Told[] = []
  const outcomes: unknown[] = []
  for (const [trial, name] of does.entries()) {
    const genotype = space.encode({ does: name })
    const request = { trial, genotype, architecture: space.decode(genotype), seed: trial + 1, fidelity: 1 }
    const report = (_: number, metrics: Readonly<Record<string, unknown>>) => {
      if (Object.values(metrics).some((each) => typeof each !== 'number')) throw new Error('no number')
      return 'continue' as const
    }
    const context = evaluationContext({ report, tell: (about, facts) => void told.push({ name: about, facts }) })
    outcomes.push(
      await evaluator.evaluate(request, context).then(
        ({ metrics }) => metrics,
        (thrown: Error) => thrown.message,
      ),
    )
    // What an evaluator left to happen afterwards happens now.
    if (name === 'late') await new Promise((resolve) => setTimeout(resolve, 0))
  }
  await evaluator[Symbol.asyncDispose]?.()
  return { outcomes, told }
}
const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
const pidOf = (outcome: unknown) => (outcome as { pid: number }).pid

describe('a worker', { timeout: 120_000 }, () => {
  it('may send other messages to its parent, which are ignored', async () => {
    const { outcomes } = await evaluated(['chatter', 'answer'])
    expect(outcomes).toMatchObject([{ value: 1 }, { value: 2 }])
    expect(pidOf(outcomes[0])).toBe(pidOf(outcomes[1]))
  })

  it('fails its own trial when the search refuses what it reports, and serves the next one', async () => {
    const { outcomes } = await evaluated(['misreport', 'answer'])
    expect(outcomes).toMatchObject(['no number', { value: 2 }])
  })

  it('that dies is seen at once, though a program that it started holds its pipes open', async () => {
    const { outcomes, told } = await evaluated(['leave', 'answer'])
    const [died, next] = outcomes as [string, unknown]
    const sleeper = Number(/sleeper (\d+)/.exec(died)?.[1])
    // It is still there: the death of the worker was not waited for through its pipes.
    expect(process.kill(sleeper, 'SIGKILL')).toBe(true)
    expect(died).toMatch(/ARCHLOOM_WORKER_DIED.*SIGKILL/s)
    expect(next).toMatchObject({ value: 2 })
    expect(told.map(({ name }) => name)).toEqual(['worker.died'])
  })

  it('that dies between two trials fails neither', async () => {
    const { outcomes, told } = await evaluated(['late', 'answer', 'late', 'pause'])
    for (const outcome of outcomes.slice(0, 2)) expect(outcome).toMatchObject({ pid: expect.any(Number) })
    expect(told.filter(({ name }) => name === 'worker.died').length).toBeLessThanOrEqual(1)
  })

  it('that another process kills while it loads the module is started again', async () => {
    const evaluator = await workerPool({
      module: new URL('./modules/killed-once.ts', import.meta.url),
      size: 1,
    }).create(parts)
    expect(existsSync(join(folder, 'mark-killed-once'))).toBe(true)
    await evaluator[Symbol.asyncDispose]?.()
  })

  it('is replaced after so many trials, or when it holds so much memory', async () => {
    const few = await evaluated(['answer', 'answer', 'answer'], { recycle: { trials: 2 } })
    expect(pidOf(few.outcomes[0])).toBe(pidOf(few.outcomes[1]))
    expect(pidOf(few.outcomes[2])).not.toBe(pidOf(few.outcomes[1]))
    expect(few.told).toMatchObject([
      { name: 'worker.recycled', facts: { pid: pidOf(few.outcomes[0]), evaluations: 2 } },
    ])
    const large = await evaluated(['answer', 'answer'], { recycle: { megabytes: 1 } })
    expect(pidOf(large.outcomes[0])).not.toBe(pidOf(large.outcomes[1]))
    const roomy = await evaluated(['answer', 'answer'], { recycle: { megabytes: 100_000 } })
    expect(pidOf(roomy.outcomes[0])).toBe(pidOf(roomy.outcomes[1]))
    expect(roomy.told).toEqual([])
  })

  it('gives signs of life where asked for', async () => {
    const { told } = await evaluated(['pause', 'answer'], { heartbeatSeconds: 0.02 })
    expect(told.length).toBeGreaterThan(0)
    for (const { name, facts } of told) {
      expect(name).toBe('heartbeat')
      expect(facts).toMatchObject({ pid: expect.any(Number), megabytes: expect.any(Number) })
    }
  })

  it('ends with the process that started it, though it computes without a pause', async () => {
    const program = new URL('./modules/coordinator.ts', import.meta.url).pathname
    const coordinator = spawn(process.execPath, ['--conditions=archloom-source', '--import', 'tsx', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [text] = (await once(coordinator.stdout!, 'data')) as [Buffer]
    const worker = Number(text)
    expect(isAlive(worker)).toBe(true)
    coordinator.kill('SIGKILL')
    await once(coordinator, 'exit')
    for (let tries = 0; tries < 300 && isAlive(worker); tries++)
      await new Promise((resolve) => setTimeout(resolve, 100))
    expect(isAlive(worker)).toBe(false)
  })

  it('collects garbage on the thread that computes if there are as many processes as cores', async () => {
    const collecting = new URL('./modules/collecting.ts', import.meta.url)
    const cores = availableParallelism()
    const full = await evaluated(['answer'], { module: collecting, size: cores })
    expect(full.outcomes).toEqual([{ onOneThread: 1 }])
    if (cores === 1) return
    const roomy = await evaluated(['answer'], { module: collecting, size: 1 })
    expect(roomy.outcomes).toEqual([{ onOneThread: 0 }])
  })

  it('that still starts when the pool is disposed of ends too', async () => {
    const evaluator = await workerPool({ module, size: 2 }).create(parts)
    const ask = (does: Behaviour) => {
      const genotype = space.encode({ does })
      const request = { trial: 0, genotype, architecture: space.decode(genotype), seed: 1, fidelity: 1 }
      return evaluator.evaluate(request, evaluationContext({})).catch((thrown: Error) => thrown.message)
    }
    const first = ask('wait')
    // The second needs a process that is not there yet.
    const second = ask('answer')
    await new Promise((resolve) => setImmediate(resolve))
    await evaluator[Symbol.asyncDispose]?.()
    expect([await first, await second]).toEqual([
      expect.stringContaining('ARCHLOOM_WORKER_DIED'),
      expect.stringContaining('ARCHLOOM_WORKER_DIED'),
    ])
  })

  it('that never finishes loading ends with the search that is disposed of, or whose run is stopped', async () => {
    const search = createSearch({
      space,
      evaluator: workerPool({ module: new URL('./modules/endless.ts', import.meta.url), size: 1 }),
      plugins: [random()],
      objectives: { value: 'maximise' },
      budget: { maxTrials: 1 },
      study: memoryStore(),
    })
    const marks = process.env.ARCHLOOM_TEST_MARK!
    rmSync(marks, { force: true })
    const running = search.finish()
    while (!existsSync(marks)) await new Promise((resolve) => setTimeout(resolve, 20))
    const pid = Number(readFileSync(marks, 'utf8'))
    search.stop('enough')
    expect(await running).toMatchObject({ status: 'stopped', reason: 'enough', proposed: 0 })
    await search[Symbol.asyncDispose]()
    await expect.poll(() => isAlive(pid), { timeout: 10_000 }).toBe(false)
  })

  it('refuses misspelt options', () => {
    for (const [bad, message] of [
      [{ graceSecond: 1 }, 'graceSeconds'],
      [{ recycle: { trial: 1 } }, 'trials'],
      [{ recycle: { trials: 0 } }, 'ARCHLOOM_OPTION'],
      [{ heartbeatSeconds: 0 }, 'ARCHLOOM_OPTION'],
    ] as const)
      expect(() => workerPool({ module, ...(bad as object) })).toThrow(message)
  })
})

/** A search over the behaviours in `cycle`, trial by trial. */
async function searched(
  cycle: (trial: number) => Behaviour,
  options: Parameters<typeof createSearch>[0]['budget'],
  n = 40,
) {
  await using search = createSearch({
    space,
    evaluator: workerPool({ module, size: 2, graceSeconds: 4 }),
    plugins: [random()],
    objectives: { value: 'maximise' },
    budget: { maxTrials: n, ...options },
    study: memoryStore(),
    concurrency: 2,
  })
  for (let trial = 0; trial < n; trial++) await search.enqueue({ does: cycle(trial) })
  const events: SearchEvent[] = []
  for await (const event of search.run()) events.push(event)
  return events
}
const failures = (events: readonly SearchEvent[]) =>
  events.filter((event): event is EventOf<'trial.failed'> => event.type === 'trial.failed')

describe('a search with a pool', { timeout: 180_000 }, () => {
  it('times out the one trial that hangs and none of the 39 that wait behind it', async () => {
    // It hangs for the limit and then for the grace, which is longer than the limit of those that wait.
    const events = await searched((trial) => (trial === 5 ? 'spin' : 'answer'), { trialSeconds: 3 })
    expect(failures(events)).toMatchObject([{ trial: 5, reason: 'timeout' }])
    expect(events.filter(({ type }) => type === 'trial.completed')).toHaveLength(39)
  })

  it('tries a trial again whose process died, where the budget allows it; else it is lost', async () => {
    const mark = process.env.ARCHLOOM_TEST_MARK!
    rmSync(mark, { force: true })
    const again = await searched(() => 'once', { retries: 1 }, 2)
    expect(existsSync(mark)).toBe(true)
    expect(failures(again)).toEqual([])
    const retried = again.filter((event): event is EventOf<'trial.retried'> => event.type === 'trial.retried')
    expect(retried.length).toBeGreaterThan(0)
    for (const { reason, code } of retried) expect([reason, code]).toEqual(['lost', 'ARCHLOOM_WORKER_DIED'])
    const lost = failures(await searched(() => 'exit', { retries: 1 }, 1))
    expect(lost).toMatchObject([{ reason: 'lost', code: 'ARCHLOOM_WORKER_DIED' }])
  })
})
