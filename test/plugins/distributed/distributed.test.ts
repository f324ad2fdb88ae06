import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { distributed, distributedWorker } from 'archloom/plugins/distributed'
import { Queue, QueueEvents, Worker } from 'bullmq'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { seeded, virtualClock } from '../../../core/index.ts'
import { codeFingerprint } from '../../../plugins/distributed/code.ts'
import { queueName } from '../../../plugins/distributed/keys.ts'
import { redisAt } from '../../../plugins/distributed/redis.ts'
import { describeWhere } from '../../conditional-suites.ts'
import { space } from './modules/square.ts'
import { freePort, type RedisServer, redisProgram, redisServer } from './redis-server.ts'
import { completedIn, module, searched, told, typed } from './searching.ts'

const upTo = (n: number) => Array.from({ length: n }, (_, at) => at)

describeWhere(redisProgram !== undefined, 'distributed (needs redis-server or valkey-server)', () => {
  let server: RedisServer
  let folder: string
  let marks: string
  beforeAll(async () => {
    server = await redisServer({ disk: false })
    folder = mkdtempSync(join(tmpdir(), 'archloom-distributed-'))
  })
  afterAll(async () => {
    await server[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true })
  })
  beforeEach(({ task }) => {
    marks = join(folder, task.id)
    process.env.ARCHLOOM_TEST_MARKS = marks
  })
  afterEach(() => {
    delete process.env.ARCHLOOM_TEST_MARKS
    delete process.env.ARCHLOOM_TEST_MS
  })
  /** Evaluations that began: trial, rung and study. */
  const begun = () =>
    readFileSync(marks, 'utf8')
      .trim()
      .split('\n')
      .map((line) => line.split(' ').slice(0, 3).join(' '))
      .sort()

  it('evaluates elsewhere, brings back numbers, failures, progress and facts, and each result once', {
    timeout: 120_000,
  }, async () => {
    const redis = server.url
    const worker = await distributedWorker({ module, redis, size: 2 })
    const events = await searched(['answer', 'throw', 'notFinite', 'answer', 'flood', 'answer'], { redis })
    const completed = typed(events, 'trial.completed')
    expect(completedIn(events)).toEqual([0, 2, 3, 5])
    for (const { metrics } of completed) expect(metrics.pid).not.toBe(process.pid)
    expect(completed.find(({ trial }) => trial === 2)?.metrics).toMatchObject({
      nan: Number.NaN,
      up: Number.POSITIVE_INFINITY,
      down: Number.NEGATIVE_INFINITY,
    })
    const failed = typed(events, 'trial.failed').sort((a, b) => a.trial - b.trial)
    expect(failed).toMatchObject([
      { trial: 1, code: 'ARCHLOOM_EVALUATION_THREW', message: expect.stringContaining('out of luck') },
      { trial: 4, code: 'ARCHLOOM_DISTRIBUTED_SIZE' },
    ])
    expect(
      typed(events, 'trial.progress')
        .map(({ trial }) => trial)
        .sort(),
    ).toEqual(upTo(6))
    expect(told(events, 'seen')).toHaveLength(6)
    expect(told(events, 'worker.joined').length).toBeGreaterThan(0)
    // Study, trial and rung reach the evaluator.
    expect(begun()).toEqual(upTo(6).map((trial) => `${trial} 0 squares-study`))
    await worker.leave('finish')
  })

  it('shares its trials among workers, one of which comes late, and carries several in one job', {
    timeout: 60_000,
  }, async () => {
    const redis = server.url
    process.env.ARCHLOOM_TEST_MS = '20'
    const options = { module, redis, size: 1, inProcess: true, queue: 'shared' }
    const running = searched(Array(40).fill('sleep'), { redis, queue: 'shared', concurrency: 8, trialsPerJob: 2 })
    // Nobody is there yet.
    await new Promise((resolve) => setTimeout(resolve, 300))
    const first = await distributedWorker(options)
    await new Promise((resolve) => setTimeout(resolve, 200))
    const second = await distributedWorker(options)
    expect(completedIn(await running)).toEqual(upTo(40))
    expect(first.trials).toBeGreaterThan(0)
    expect(second.trials).toBeGreaterThan(0)
    expect(first.trials + second.trials).toBe(40)
    await Promise.all([first.leave('finish'), second.leave('now')])
  })

  it('carries several short trials in one job, and each result arrives once', { timeout: 60_000 }, async () => {
    const redis = server.url
    const queue = 'short'
    const worker = await distributedWorker({ module, redis, size: 1, inProcess: true, queue })
    const jobs: string[] = []
    const { fingerprint } = codeFingerprint(module)
    const events = new QueueEvents(queueName(queue, { code: fingerprint, space: space.fingerprint }), {
      connection: { url: redis },
      prefix: 'archloom',
    })
    await events.waitUntilReady()
    events.on('completed', ({ returnvalue }) => void jobs.push(returnvalue))
    const found = await searched(Array(400).fill('answer'), { redis, queue, concurrency: 64 })
    expect(completedIn(found)).toEqual(upTo(400))
    expect(begun()).toHaveLength(400)
    const sizes = jobs.map((text) => JSON.parse(text).outcomes.length)
    expect(sizes[0]).toBe(1)
    expect(Math.max(...sizes)).toBeGreaterThan(1)
    await events.close()
    await worker.leave('finish')
  })

  it('sends each trial of a job that was too large on its own, so that one cannot spoil the others', {
    timeout: 60_000,
  }, async () => {
    const redis = server.url
    const queue = 'spoilt'
    const worker = await distributedWorker({ module, redis, size: 1, inProcess: true, queue })
    const does = ['answer', 'huge', 'answer', 'answer'] as const
    const events = await searched(does, { redis, queue, trialsPerJob: 4 })
    expect(completedIn(events)).toEqual([0, 2, 3])
    expect(typed(events, 'trial.failed')).toMatchObject([{ trial: 1, code: 'ARCHLOOM_DISTRIBUTED_SIZE' }])
    await worker.leave('finish')
  })

  it('a worker that leaves at once hands its trial back, and another one completes it', {
    timeout: 60_000,
  }, async () => {
    const redis = server.url
    process.env.ARCHLOOM_TEST_MS = '3000'
    const options = { module, redis, size: 1, inProcess: true, queue: 'leaving' }
    const hasty = await distributedWorker(options)
    const running = searched(['sleep'], { redis, queue: 'leaving' })
    await expect.poll(() => readFileSync(marks, { encoding: 'utf8', flag: 'a+' })).not.toBe('')
    process.env.ARCHLOOM_TEST_MS = '10'
    const patient = await distributedWorker(options)
    await hasty.leave('now')
    expect(completedIn(await running)).toEqual([0])
    expect([hasty.trials, patient.trials]).toEqual([0, 1])
    await patient.leave('finish')
  })

  it('limits the time of a trial from the moment at which a worker takes it, and tries failed ones again', {
    timeout: 60_000,
  }, async () => {
    const redis = server.url
    process.env.ARCHLOOM_TEST_MS = '60000'
    const queue = 'limits'
    const worker = await distributedWorker({ module, redis, size: 1, queue, graceSeconds: 0.1 })
    const does = ['answer', 'block', 'answer', 'throw'] as const
    const events = await searched(does, { redis, queue, budget: { trialSeconds: 3, retries: 1 } })
    expect(completedIn(events)).toEqual([0, 2])
    const failures = typed(events, 'trial.failed').map(({ trial, reason }) => [trial, reason])
    expect(failures.sort()).toEqual([
      [1, 'timeout'],
      [3, 'error'],
    ])
    // Each attempt was an evaluation of its own.
    expect(begun().filter((line) => line.startsWith('3 '))).toHaveLength(2)
    await worker.leave('now')
  })

  it('refuses workers with other code or another space, on both sides', { timeout: 60_000 }, async () => {
    const redis = server.url
    const queue = 'alike'
    process.env.ARCHLOOM_TEST_MS = '3000'
    const options = { module, redis, size: 1, inProcess: true, queue }
    // It is there before the search that it does not fit.
    const early = await distributedWorker({ ...options, code: 'an older version' })
    const fitting = await distributedWorker(options)
    const running = searched(['sleep', 'answer'], { redis, queue, concurrency: 1 })
    await expect.poll(() => readFileSync(marks, { encoding: 'utf8', flag: 'a+' })).not.toBe('')
    await expect(distributedWorker({ ...options, code: 'another version' })).rejects.toThrow(
      'ARCHLOOM_DISTRIBUTED_CODE',
    )
    const other = new URL('./modules/cube.ts', import.meta.url)
    await expect(distributedWorker({ ...options, module: other })).rejects.toThrow('ARCHLOOM_DISTRIBUTED_SPACE')
    await expect(early.ended).rejects.toThrow('ARCHLOOM_DISTRIBUTED_CODE')
    const events = await running
    expect(completedIn(events)).toEqual([0, 1])
    const codes = told(events, 'worker.refused').map(({ facts }) => (facts as { code: string }).code)
    expect(new Set(codes)).toEqual(new Set(['ARCHLOOM_DISTRIBUTED_CODE', 'ARCHLOOM_DISTRIBUTED_SPACE']))
    expect(early.trials).toBe(0)
    await fitting.leave('finish')
  })

  it('refuses hostile jobs and results', { timeout: 60_000 }, async () => {
    const redis = server.url
    const connection = { host: '127.0.0.1', port: server.port, maxRetriesPerRequest: null }
    const name = (queue: string) =>
      queueName(queue, { code: codeFingerprint(module).fingerprint, space: space.fingerprint })
    const queue = new Queue(name('hostile'), { connection, prefix: 'archloom' })
    const trial = { trial: 0, rung: 0, genotype: [0, 0], fidelity: 1, seed: 1, mayContinue: false }
    const hostile = [
      { exec: 'rm' },
      'x'.repeat(5 * 2 ** 20),
      '{"study":"s","studyId":"i","trials":[{"__proto__":{"polluted":1}}]}',
      JSON.stringify({ study: 's', studyId: 'i', trials: [{ ...trial, genotype: [1e9, -1] }] }),
    ]
    const answers: string[] = []
    const worker = await distributedWorker({ module, redis, size: 1, inProcess: true, queue: 'hostile' })
    for (const [at, data] of hostile.entries()) {
      const job = await queue.add('evaluate', data, { jobId: `hostile-${at}` })
      await expect.poll(() => job.isCompleted(), { timeout: 10_000 }).toBe(true)
      answers.push(JSON.stringify((await queue.getJob(job.id!))?.returnvalue))
    }
    expect(answers).toEqual([
      expect.stringContaining('ARCHLOOM_DISTRIBUTED_MESSAGE'),
      expect.stringContaining('ARCHLOOM_DISTRIBUTED_SIZE'),
      expect.stringContaining('ARCHLOOM_DISTRIBUTED_MESSAGE'),
      expect.stringContaining('ARCHLOOM_GENOTYPE_INVALID'),
    ])
    expect(readFileSync(marks, { encoding: 'utf8', flag: 'a+' })).toBe('')
    // It still serves.
    expect(completedIn(await searched(['answer'], { redis, queue: 'hostile' }))).toEqual([0])
    await worker.leave('finish')
    await queue.close()

    // A worker of somebody else's, which answers as it likes.
    const lies = ['no JSON', '{"worker":"w","outcomes":[{"trial":7,"rung":0,"metrics":{"value":1}}]}', { value: 1 }]
    let next = 0
    const liar = new Worker(name('lies'), async () => lies[next++], { connection, prefix: 'archloom' })
    const events = await searched(['answer', 'answer', 'answer'], { redis, queue: 'lies', concurrency: 1 })
    expect(typed(events, 'trial.failed').map(({ code }) => code)).toEqual([
      'ARCHLOOM_DISTRIBUTED_MESSAGE',
      'ARCHLOOM_DISTRIBUTED_RESULT',
      'ARCHLOOM_DISTRIBUTED_MESSAGE',
    ])
    await liar.close()
  })

  it('refuses at the start what cannot work', { timeout: 60_000 }, async () => {
    const parts = { space, rng: seeded(1), clock: virtualClock() }
    const nowhere = `redis://me:secret@127.0.0.1:${await freePort()}`
    const failure = await Promise.resolve(distributed({ module, redis: nowhere }).create(parts)).catch(
      (thrown: Error) => thrown,
    )
    expect(String(failure)).toMatch(/ARCHLOOM_DISTRIBUTED_REDIS.*ECONNREFUSED/)
    expect(String(failure)).not.toContain('secret')
    await expect(distributedWorker({ module, redis: 'http://host' })).rejects.toThrow('ARCHLOOM_DISTRIBUTED_REDIS')
    for (const [file, message] of [
      ['nothing', /ARCHLOOM_DISTRIBUTED_MODULE.*no search space/],
      ['absent', /ARCHLOOM_DISTRIBUTED_MODULE.*cannot be loaded/],
    ] as const) {
      const url = new URL(`./modules/${file}.ts`, import.meta.url)
      await expect(distributedWorker({ module: url, redis: server.url })).rejects.toThrow(message)
    }
    for (const checkpoints of ['ftp://x', 'file:///no/such/folder'])
      await expect(
        Promise.resolve(distributed({ module, redis: server.url, checkpoints }).create(parts)),
      ).rejects.toThrow('ARCHLOOM_DISTRIBUTED_CHECKPOINTS')
    expect(() => distributed({ module, queue: 'a:b' })).toThrow('ARCHLOOM_OPTION')
  })

  it('waits at the start for a Redis that is being restarted', { timeout: 60_000 }, async () => {
    await using restarted = await redisServer({ disk: false })
    const parts = { space, rng: seeded(1), clock: virtualClock() }
    const restarting = restarted.restart(700)
    const evaluator = await distributed({ module, redis: restarted.url }).create(parts)
    await evaluator[Symbol.asyncDispose]?.()
    await restarting
  })

  it('waits at the start for a Redis that ends every connection at once, as while it is killed', {
    timeout: 60_000,
  }, async () => {
    const began = performance.now()
    let ended = 0
    const door = createServer({ pauseOnConnect: true }, (socket) => {
      socket.on('error', () => {})
      if (performance.now() - began < 700) {
        ended++
        socket.destroy()
        return
      }
      const through = connect(server.port, '127.0.0.1').on('error', () => {})
      socket.pipe(through).pipe(socket)
      socket.resume()
    }).listen(0, '127.0.0.1')
    await once(door, 'listening')
    const { port } = door.address() as AddressInfo
    const redis = await (await redisAt(`redis://127.0.0.1:${port}`)).connect()
    expect(await redis.ping()).toBe('PONG')
    expect(ended).toBeGreaterThan(1)
    redis.disconnect()
    door.close()
  })

  it('takes the password from the URL or from the environment', { timeout: 60_000 }, async () => {
    await using locked = await redisServer({ disk: false, args: ['--requirepass', 'secret'] })
    const parts = { space, rng: seeded(1), clock: virtualClock() }
    const tried = async (redis: string) => {
      const evaluator = await distributed({ module, redis }).create(parts)
      await evaluator[Symbol.asyncDispose]?.()
      return 'connected'
    }
    await expect(tried(locked.url)).rejects.toThrow(/ARCHLOOM_DISTRIBUTED_REDIS.*(NOAUTH|authentication|password)/i)
    await expect(tried(`redis://:wrong@127.0.0.1:${locked.port}`)).rejects.toThrow('ARCHLOOM_DISTRIBUTED_REDIS')
    expect(await tried(`redis://:secret@127.0.0.1:${locked.port}`)).toBe('connected')
    process.env.ARCHLOOM_REDIS_PASSWORD = 'secret'
    try {
      expect(await tried(locked.url)).toBe('connected')
    } finally {
      delete process.env.ARCHLOOM_REDIS_PASSWORD
    }
  })

  it('connects over TLS, and refuses a certificate that it does not trust', { timeout: 60_000 }, async ({ skip }) => {
    const pem = (name: string) => join(folder, `${name}.pem`)
    const made = spawnSync('openssl', [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
      ...['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'],
      ...['-keyout', pem('key'), '-out', pem('certificate')],
    ])
    if (made.status !== 0) return skip('openssl is not installed')
    const port = await freePort()
    await using locked = await redisServer({
      disk: false,
      args: [
        '--tls-port',
        String(port),
        '--tls-auth-clients',
        'no',
        '--tls-cert-file',
        pem('certificate'),
        '--tls-key-file',
        pem('key'),
      ],
    })
    expect(locked.port).not.toBe(port)
    const program = join(folder, 'connect.mts')
    writeFileSync(
      program,
      `import { redisAt } from ${JSON.stringify(new URL('../../../plugins/distributed/redis.ts', import.meta.url).pathname)}
const client = await (await redisAt('rediss://localhost:${port}')).connect()
process.stdout.write(await client.ping())
client.disconnect()`,
    )
    const connected = (env: Readonly<Record<string, string>>) =>
      spawnSync(process.execPath, ['--conditions=archloom-source', '--import', 'tsx', program], {
        encoding: 'utf8',
        timeout: 50_000,
        env: { ...process.env, ...env },
      })
    expect(connected({ NODE_EXTRA_CA_CERTS: pem('certificate') }).stdout).toBe('PONG')
    expect(connected({}).stderr).toMatch(/ARCHLOOM_DISTRIBUTED_REDIS.*self-signed certificate/)
  })
})
