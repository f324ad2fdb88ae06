import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { distributedWorker } from 'archloom/plugins/distributed'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, onTestFinished } from 'vitest'
import { run as killed } from '../../bench/distributed-kill.ts'
import { describeWhere } from '../../conditional-suites.ts'
import { redisProgram, redisServer } from './redis-server.ts'
import { completedIn, module, searched, told, typed } from './searching.ts'

const upTo = (n: number) => Array.from({ length: n }, (_, at) => at)
const bin = new URL('../../../core/cli/bin.mjs', import.meta.url).pathname

describeWhere(redisProgram !== undefined, 'distributed, in trouble (needs redis-server or valkey-server)', () => {
  let folder: string
  let marks: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'archloom-trouble-'))
  })
  afterAll(() => rmSync(folder, { recursive: true }))
  beforeEach(({ task }) => {
    marks = join(folder, task.id)
    process.env.ARCHLOOM_TEST_MARKS = marks
  })
  afterEach(() => {
    delete process.env.ARCHLOOM_TEST_MARKS
    delete process.env.ARCHLOOM_TEST_MS
  })
  const marked = () => readFileSync(marks, { encoding: 'utf8', flag: 'a+' })

  it('an evaluation that blocks its process for 20 s, with a lock of 4 s, runs once', {
    timeout: 120_000,
  }, async () => {
    await using server = await redisServer({ disk: false })
    process.env.ARCHLOOM_TEST_MS = '20000'
    const options = { module, redis: server.url, lockSeconds: 4 }
    const first = await distributedWorker({ ...options, size: 1 })
    // Another one is there, which would take over what is stalled.
    const second = await distributedWorker({ ...options, size: 1 })
    const events = await searched(['block'], { redis: server.url })
    expect(completedIn(events)).toEqual([0])
    expect(marked().trim().split('\n')).toHaveLength(1)
    await Promise.all([first.leave('finish'), second.leave('finish')])
  })

  it('the trial of a worker that is killed goes to another one, and is lost where that happens too often', {
    timeout: 120_000,
  }, async () => {
    await using server = await redisServer({ disk: false })
    const start = async () => {
      const child = spawn(
        process.execPath,
        [bin, 'worker', module.pathname, '--in-process', '--lock-seconds', '1', '--size', '1'],
        {
          stdio: ['ignore', 'ignore', 'pipe'],
          env: { ...process.env, ARCHLOOM_REDIS: server.url, ARCHLOOM_TEST_MS: '60000' },
        },
      )
      onTestFinished(() => void child.kill('SIGKILL'))
      await once(child.stderr, 'data')
      return child
    }
    const victim = await start()
    process.env.ARCHLOOM_TEST_MS = '10'
    const running = searched(['sleep', 'answer'], { redis: server.url, concurrency: 1 })
    await expect.poll(marked, { timeout: 20_000 }).not.toBe('')
    victim.kill('SIGKILL')
    const options = { module, redis: server.url, inProcess: true, lockSeconds: 1 }
    const rescuer = await distributedWorker(options)
    const events = await running
    expect(completedIn(events)).toEqual([0, 1])
    expect(typed(events, 'trial.failed')).toEqual([])
    await rescuer.leave('finish')

    const another = await start()
    const lost = searched(['sleep'], { redis: server.url })
    const before = marked()
    await expect.poll(marked, { timeout: 20_000 }).not.toBe(before)
    another.kill('SIGKILL')
    const strict = await distributedWorker({ ...options, recoveries: 0 })
    expect(typed(await lost, 'trial.failed')).toMatchObject([{ reason: 'lost', code: 'ARCHLOOM_WORKER_DIED' }])
    await strict.leave('finish')
  })

  it('a trial that kills its workers does not take the other trials of its job with it', {
    timeout: 120_000,
  }, async () => {
    await using server = await redisServer({ disk: false })
    let isOver = false
    // Like a supervisor, which starts a new worker for each that ends.
    const supervise = async () => {
      while (!isOver) {
        const args = ['--in-process', '--lock-seconds', '1', '--size', '1', '--redis', server.url]
        const child = spawn(process.execPath, [bin, 'worker', module.pathname, ...args], { stdio: 'ignore' })
        onTestFinished(() => void child.kill('SIGKILL'))
        const look = setInterval(() => isOver && child.kill('SIGKILL'), 100)
        await once(child, 'exit')
        clearInterval(look)
      }
    }
    const supervised = supervise()
    const events = await searched(['answer', 'kill', 'answer'], { redis: server.url, trialsPerJob: 3 })
    isOver = true
    await supervised
    expect(completedIn(events)).toEqual([0, 2])
    expect(typed(events, 'trial.failed')).toMatchObject([{ trial: 1, reason: 'lost', code: 'ARCHLOOM_WORKER_DIED' }])
  })

  it('a worker that is ended by a supervisor, which signals all its processes, finishes its trial', {
    timeout: 120_000,
  }, async () => {
    await using server = await redisServer({ disk: false })
    const args = ['--size', '1', '--redis', server.url]
    const child = spawn(process.execPath, [bin, 'worker', module.pathname, ...args], {
      stdio: 'ignore',
      detached: true,
      env: { ...process.env, ARCHLOOM_TEST_MS: '2000' },
    })
    onTestFinished(() => void child.kill('SIGKILL'))
    const running = searched(['sleep'], { redis: server.url })
    await expect.poll(marked, { timeout: 60_000 }).not.toBe('')
    process.kill(-child.pid!, 'SIGTERM')
    const [code] = await once(child, 'exit')
    const events = await running
    expect(typed(events, 'trial.failed')).toEqual([])
    expect(completedIn(events)).toEqual([0])
    expect(code).toBe(0)
  })

  it('a trial that another worker begins anew has its whole time limit again', { timeout: 120_000 }, async () => {
    await using server = await redisServer({ disk: false })
    process.env.ARCHLOOM_TEST_MS = '4000'
    const options = { module, redis: server.url, size: 1, inProcess: true, lockSeconds: 1 }
    const first = await distributedWorker(options)
    const running = searched(['sleep'], { redis: server.url, budget: { trialSeconds: 6 } })
    await expect.poll(marked, { timeout: 20_000 }).not.toBe('')
    await new Promise((resolve) => setTimeout(resolve, 3000))
    await first.leave('now')
    const second = await distributedWorker(options)
    const events = await running
    expect(typed(events, 'trial.failed')).toEqual([])
    expect(completedIn(events)).toEqual([0])
    expect(marked().trim().split('\n')).toHaveLength(2)
    await second.leave('finish')
  })

  it('studies of the same name in one queue leave each other alone', { timeout: 120_000 }, async () => {
    await using server = await redisServer({ disk: false })
    process.env.ARCHLOOM_TEST_MS = '300'
    const worker = await distributedWorker({ module, redis: server.url, inProcess: true, size: 2 })
    const does = Array(6).fill('sleep')
    const both = await Promise.all([1, 2].map(() => searched(does, { redis: server.url })))
    for (const events of both) expect(completedIn(events)).toEqual(upTo(6))
    // Neither has taken the results of the other one for its own.
    expect(marked().trim().split('\n')).toHaveLength(12)
    rmSync(marks)
    const stopped = new AbortController()
    const first = searched(does, { redis: server.url, signal: stopped.signal })
    const second = searched(does, { redis: server.url })
    await expect.poll(() => marked().split('\n').length, { timeout: 20_000 }).toBeGreaterThan(3)
    stopped.abort('enough')
    await first
    expect(completedIn(await second)).toEqual(upTo(6))
    await worker.leave('finish')
  })

  it('a worker leaves although its Redis is gone', { timeout: 60_000 }, async () => {
    const server = await redisServer({ disk: false })
    const worker = await distributedWorker({ module, redis: server.url, inProcess: true, lockSeconds: 1 })
    await server[Symbol.asyncDispose]()
    await worker.leave('finish')
    await worker.ended
    expect(worker.trials).toBe(0)
  })

  it.each([true, false])(
    'the search goes on when Redis is killed and started again (kept on disk: %s)',
    {
      timeout: 120_000,
    },
    async (disk) => {
      await using server = await redisServer({ disk })
      process.env.ARCHLOOM_TEST_MS = '150'
      const options = { module, redis: server.url, inProcess: true, size: 2, lockSeconds: 1 }
      const worker = await distributedWorker(options)
      const running = searched(Array(40).fill('sleep'), { redis: server.url, concurrency: 6 })
      for (const pause of [0, 500]) {
        await new Promise((resolve) => setTimeout(resolve, 700))
        await server.restart(pause)
      }
      const events = await running
      expect(completedIn(events)).toEqual(upTo(40))
      expect(told(events, 'seen').length).toBeGreaterThan(0)
      await worker.leave('finish')
    },
  )

  it('kill -9 of the search, of workers and of Redis loses nothing, repeats nothing and changes nothing', {
    timeout: process.env.ARCHLOOM_SLOW ? 1_800_000 : 300_000,
  }, async () => {
    const { results } = await killed({ points: process.env.ARCHLOOM_SLOW ? 250 : 25 })
    const count = (name: string) => results.find((each) => each.name === name)?.value
    expect(
      count('kills of the search')! + count('kills of a worker')! + count('kills of the Redis server')!,
    ).toBeGreaterThan(24)
    for (const name of ['lost finished trials', 'duplicates', 'diverging proposals', 'trials that ended otherwise'])
      expect([name, count(name)]).toEqual([name, 0])
  })
})
