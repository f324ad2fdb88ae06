import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { distributedWorker } from 'archloom/plugins/distributed'
import { expect, it, onTestFinished } from 'vitest'
import { search as composed } from '../../../examples/distributed.ts'
import { describeWhere } from '../../conditional-suites.ts'
import { redisProgram, redisServer } from './redis-server.ts'

const bin = new URL('../../../core/cli/bin.mjs', import.meta.url).pathname
const module = new URL('../../../examples/distributed.ts', import.meta.url)

describeWhere(redisProgram !== undefined, 'examples/distributed.ts (needs redis-server or valkey-server)', () => {
  it('is searched with workers of the command line and of code', { timeout: 180_000 }, async () => {
    const directory = mkdtempSync(join(tmpdir(), 'archloom-example-'))
    await using server = await redisServer({ disk: false, args: ['--requirepass', 'secret'] })
    const env = { ...process.env, ARCHLOOM_REDIS: server.url, ARCHLOOM_REDIS_PASSWORD: 'secret' }
    const child = spawn(process.execPath, [bin, 'worker', module.pathname, '--in-process', '--size', '2', '--json'], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env,
    })
    onTestFinished(() => void child.kill('SIGKILL'))
    const said = { stdout: '', stderr: '' }
    child.stdout.on('data', (chunk: Buffer) => {
      said.stdout += chunk.toString()
    })
    child.stderr.on('data', (chunk: Buffer) => {
      said.stderr += chunk.toString()
    })
    await expect
      .poll(() => said.stderr, { timeout: 60_000 })
      .toMatch(/works for queue "archloom".*space "descent", 2 at once/)
    const redis = `redis://:secret@127.0.0.1:${server.port}`
    const worker = await distributedWorker({ module, redis, size: 1, inProcess: true })
    {
      await using search = composed({ redis, trials: 60, study: { name: 'descent', directory } })
      const { proposed, failed } = await search.finish()
      expect([proposed, failed]).toEqual([60, 0])
      expect(search.best(1)[0]!.metrics.loss).toBeLessThan(1e-3)
    }
    await worker.leave('finish')
    const closed = once(child, 'close')
    child.kill('SIGINT')
    expect(await closed).toEqual([0, null])
    const { trials } = JSON.parse(said.stdout)
    // Rungs are evaluations as well.
    expect(trials).toBeGreaterThan(0)
    expect(worker.trials).toBeGreaterThan(0)
    expect(trials + worker.trials).toBeGreaterThan(60)
    // The password is never said.
    expect(said.stderr).not.toContain('secret')
    rmSync(directory, { recursive: true })
  })
})
