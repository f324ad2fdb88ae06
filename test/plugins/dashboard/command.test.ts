import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readStudy } from 'archloom'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Overview, StudyLine } from '../../../plugins/dashboard/protocol.ts'

const root = new URL('../../../', import.meta.url)
const bin = fileURLToPath(new URL('core/cli/bin.mjs', root))
const digits = fileURLToPath(new URL('test/core/cli/modules/digits.ts', root))
let directory: string

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'archloom-dashboard-'))
})
afterAll(() => rmSync(directory, { recursive: true, force: true }))

/** The command, the address that it prints, and how it ends. */
function start(...args: readonly string[]) {
  const child: ChildProcess = spawn(process.execPath, [bin, ...args], { cwd: directory })
  let text = ''
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
  const url = new Promise<string>((resolve, reject) => {
    const look = (chunk: Buffer) => {
      text += chunk.toString()
      const [, found] = /dashboard +(http:\S+)/.exec(text) ?? []
      if (found !== undefined) resolve(found)
    }
    child.stdout?.on('data', look)
    child.stderr?.on('data', look)
    ended.then(() => reject(new Error(text)))
  })
  return { child, url, ended, said: () => text }
}

const json = async <T>(url: string, init?: RequestInit) => (await (await fetch(url, init)).json()) as T

test('run --dashboard shows the search while it runs, and a page with the token enqueues a trial and stops it', async () => {
  const running = start(
    ...['run', digits, '--study', 'watched', '--trials', '80', '--trial-ms', '400'],
    ...['--dashboard', '--dashboard-port', '0', '--dashboard-token', 'secret'],
  )
  const url = await running.url
  const study = `${url}/api/studies/watched`
  const { studies } = await json<{ studies: StudyLine[] }>(`${url}/api/studies`)
  expect(studies).toMatchObject([{ study: 'watched', status: 'running' }])
  const { controls } = await json<Overview>(study)
  expect(controls).toEqual(['stop', 'enqueue'])
  // Trial 1 of the module always fails, so the trial to enqueue must come after it.
  const trials = async (query: string) => (await json<{ rows: unknown[] }>(`${study}/trials?${query}`)).rows.length
  await expect.poll(() => trials(''), { timeout: 20_000 }).toBeGreaterThan(2)
  const headers = { authorization: 'Bearer secret', 'content-type': 'application/json' }
  const enqueue = (architecture: unknown) =>
    fetch(`${study}/enqueue`, { method: 'POST', headers, body: JSON.stringify({ architecture }) })
  const wrong = await enqueue({ digit: [9] })
  expect([wrong.status, await wrong.text()]).toEqual([400, expect.stringContaining('ARCHLOOM_ARCHITECTURE_INVALID')])
  expect((await enqueue({ digit: [2, 1, 0, 2] })).status).toBe(200)
  await expect.poll(() => trials('filter=2102&status=completed'), { timeout: 20_000 }).toBeGreaterThan(0)
  expect((await fetch(`${study}/stop`, { method: 'POST', headers, body: '{}' })).status).toBe(200)
  expect(await running.ended).toBe(0)
  const { state } = await readStudy('watched', { directory: join(directory, 'archloom-studies') })
  expect(state).toMatchObject({ status: 'stopped', reason: 'stopped on the dashboard' })
  expect(state.completed).toBeLessThan(79)
  // The dashboard ends with the search.
  await expect(fetch(url)).rejects.toThrow()
})

test('archloom dashboard serves the studies of a folder until it is interrupted', async () => {
  const serving = start('dashboard', '--port', '0')
  const url = await serving.url
  expect((await json<{ studies: StudyLine[] }>(`${url}/api/studies`)).studies).toHaveLength(1)
  serving.child.kill('SIGINT')
  expect(await serving.ended).toBe(0)
})

test('a dashboard that cannot be started says why', async () => {
  const taken = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => taken.once('listening', resolve))
  const address = taken.address()
  const port = String(typeof address === 'object' ? address?.port : '')
  const run = start('run', digits, '--study', 'none', '--dashboard', '--dashboard-port', port)
  run.url.catch(() => {})
  expect(await run.ended).toBe(1)
  expect(run.said()).toMatch(/ARCHLOOM_DASHBOARD_PROCESS.*ARCHLOOM_DASHBOARD_ADDRESS.*--port/s)
  taken.close()
})
