import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { createSearch, memoryStore, type SearchEvent } from 'archloom'
import { asha } from 'archloom/plugins/asha'
import { distributed, distributedWorker } from 'archloom/plugins/distributed'
import { random } from 'archloom/plugins/random'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { checkpointsAt, readCheckpoint, refOf } from '../../../plugins/distributed/checkpoints.ts'
import { redisAt } from '../../../plugins/distributed/redis.ts'
import { describeWhere } from '../../conditional-suites.ts'
import { space } from './modules/rungs.ts'
import { redisProgram, redisServer } from './redis-server.ts'
import { s3Server } from './s3-server.ts'
import { typed } from './searching.ts'

const module = new URL('./modules/rungs.ts', import.meta.url)
const account = { bucket: 'models', accessKeyId: 'AKID', secretAccessKey: 'secret', region: 'eu-west-1' }
let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'archloom-checkpoints-'))
  process.env.AWS_ACCESS_KEY_ID = account.accessKeyId
  process.env.AWS_SECRET_ACCESS_KEY = account.secretAccessKey
})
afterEach(() => {
  delete process.env.AWS_ACCESS_KEY_ID
  delete process.env.AWS_SECRET_ACCESS_KEY
  rmSync(folder, { recursive: true })
})

/** Successive halving over two workers: every rung goes on from what the one before saved. */
async function halving(redis: string, checkpoints: string, inProcess = true) {
  // Processes of their own, one evaluation each: the next rung is never where the last one was.
  const where = inProcess ? { inProcess } : { recycle: { trials: 1 } }
  const workers = await Promise.all(
    [1, 2].map(() => distributedWorker({ module, redis, checkpoints, size: 1, ...where })),
  )
  await using search = createSearch({
    space,
    evaluator: distributed({ module, redis, checkpoints }),
    plugins: [random(), asha({ minFidelity: 1 / 4, eta: 2 })],
    objectives: { value: 'maximise' },
    budget: { maxTrials: 6 },
    study: memoryStore('counting'),
    concurrency: 2,
  })
  const events: SearchEvent[] = []
  for await (const event of search.run()) events.push(event)
  await Promise.all(workers.map((worker) => worker.leave('finish')))
  expect(typed(events, 'trial.failed')).toEqual([])
  const continued = typed(events, 'trial.continued')
  expect(continued.length).toBeGreaterThan(0)
  const completed = typed(events, 'trial.completed')
  expect(completed.length).toBeGreaterThan(0)
  for (const { metrics } of completed) {
    // Of 8 steps, the last rung did half; three processes did the whole.
    expect(metrics).toMatchObject({ steps: 8, done: 4, processes: inProcess ? 1 : 3 })
  }
}

describeWhere(
  redisProgram !== undefined,
  'a paused trial goes on elsewhere (needs redis-server or valkey-server)',
  () => {
    it('through Redis itself', { timeout: 180_000 }, async () => {
      await using server = await redisServer({ disk: false })
      await halving(server.url, 'redis', false)
      const client = await (await redisAt(server.url)).connect()
      // Nothing is left behind.
      expect(await client.keys('*:checkpoint:*')).toEqual([])
      client.disconnect()
    })

    it('through a shared folder', { timeout: 180_000 }, async () => {
      await using server = await redisServer({ disk: false })
      await halving(server.url, pathToFileURL(folder).href)
      expect(readdirSync(folder)).toEqual([])
    })

    it('through an S3 bucket', { timeout: 180_000 }, async () => {
      await using server = await redisServer({ disk: false })
      await using s3 = await s3Server(account)
      const { bucket, region } = account
      await halving(server.url, `s3://${bucket}/some/prefix?endpoint=${s3.endpoint}&region=${region}`)
      expect(s3.requests.filter((request) => request.startsWith('PUT /models/some/prefix/')).length).toBeGreaterThan(3)
      expect(s3.objects.size).toBe(0)
    })
  },
)

describe('places of checkpoints', () => {
  const noRedis = {} as Parameters<typeof checkpointsAt>[1]
  const name = 'a'.repeat(64)
  const data = new Uint8Array([1, 2, 3])

  it('notice another content, and know what is not there', async () => {
    const place = await checkpointsAt(pathToFileURL(folder).href, noRedis, 'q')
    const ref = refOf(name, data)
    expect(await readCheckpoint(place, ref)).toBeUndefined()
    await place.write(name, data)
    expect(new Uint8Array((await readCheckpoint(place, ref))!)).toEqual(data)
    writeFileSync(join(folder, name), new Uint8Array([1, 2, 4]))
    await expect(readCheckpoint(place, ref)).rejects.toThrow('ARCHLOOM_DISTRIBUTED_CHECKPOINTS')
  })

  it('in S3 say what is wrong: no keys, the wrong secret, no bucket', async () => {
    await using s3 = await s3Server(account)
    const url = (bucket: string) => `s3://${bucket}?endpoint=${s3.endpoint}&region=eu-west-1`
    const place = await checkpointsAt(url('models'), noRedis, 'q')
    expect(await place.read(name)).toBeUndefined()
    await place.write(name, data)
    expect(await place.read(name)).toEqual(data)
    const elsewhere = await checkpointsAt(url('absent'), noRedis, 'q')
    await expect(elsewhere.write(name, data)).rejects.toThrow(/ARCHLOOM_DISTRIBUTED_CHECKPOINTS.*no bucket absent/)
    process.env.AWS_SECRET_ACCESS_KEY = 'wrong'
    const wrong = await checkpointsAt(url('models'), noRedis, 'q')
    await expect(wrong.read(name)).rejects.toThrow(/ARCHLOOM_DISTRIBUTED_CHECKPOINTS.*403 SignatureDoesNotMatch/)
    delete process.env.AWS_ACCESS_KEY_ID
    await expect(checkpointsAt(url('models'), noRedis, 'q')).rejects.toThrow('AWS_ACCESS_KEY_ID')
  })
})
