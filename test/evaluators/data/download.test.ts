import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { seeded } from '../../../core/random.ts'
import {
  type DownloadOptions,
  type DownloadProgress,
  download,
  progressBar,
  progressLine,
} from '../../../evaluators/data/index.ts'
import { exists } from '../../../evaluators/data/read-bytes.ts'
import { md5, sha256, temporaryFolder } from './files.ts'
import { sendFile, serve } from './server.ts'

const rng = seeded('download')
const body = Uint8Array.from({ length: 300_000 }, () => rng.int(256))
const checksum = { algorithm: 'md5', value: md5(body) } as const

const target = async (urls: readonly string[], options: Partial<DownloadOptions> = {}) => {
  const path = join(await temporaryFolder(), 'deep', 'file.bin')
  return { urls, path, checksum, pauseMs: 1, ...options }
}

async function leftOver(path: string, part: Uint8Array): Promise<void> {
  await mkdir(dirname(path))
  await writeFile(`${path}.part`, part)
}

test('a file arrives whole, with progress, and only under its name when it is right', async () => {
  const { url } = await serve((request, response) => sendFile(request, response, body))
  const seen: DownloadProgress[] = []
  const options = await target([`${url}/file.bin`], { onProgress: (progress) => seen.push(progress) })
  await download(options)
  expect(sha256(await readFile(options.path))).toBe(sha256(body))
  expect(await exists(`${options.path}.part`)).toBe(false)
  expect(seen.at(-1)).toMatchObject({ file: 'file.bin', received: body.length, total: body.length, done: true })
  expect(seen.map(({ received }) => received)).toEqual(seen.map(({ received }) => received).sort((a, b) => a - b))
})

test('after a broken connection it continues where it stopped', async () => {
  const { url, requests } = await serve((request, response, count) =>
    sendFile(request, response, body, count < 3 ? 100_000 : undefined),
  )
  const options = await target([`${url}/file.bin`])
  await download(options)
  expect(sha256(await readFile(options.path))).toBe(sha256(body))
  const starts = requests.map(({ range }) => Number(/\d+/.exec(range ?? 'bytes=0')?.[0]))
  expect(starts).toHaveLength(3)
  expect(starts[0]).toBe(0)
  // A connection may break before what it sent has arrived: a start is never behind the one before, and the last is ahead.
  expect(starts[1]).toBeGreaterThanOrEqual(0)
  expect(starts[2]).toBeGreaterThanOrEqual(starts[1]!)
  expect(starts[2]).toBeGreaterThan(0)
})

test('a later run continues the part of an earlier one; a server without ranges starts again', async () => {
  for (const ranges of [true, false]) {
    const { url, requests } = await serve((request, response) => {
      if (!ranges) delete request.headers.range
      sendFile(request, response, body)
    })
    const options = await target([`${url}/file.bin`])
    await leftOver(options.path, body.subarray(0, 123_456))
    const seen: number[] = []
    await download({ ...options, onProgress: ({ received }) => seen.push(received) })
    expect(requests.at(-1)?.range).toBe('bytes=123456-')
    expect(seen[0]! > 123_456).toBe(ranges)
    expect(sha256(await readFile(options.path))).toBe(sha256(body))
  }
})

test('a part that is already complete is only checked', async () => {
  const { url } = await serve((request, response) => sendFile(request, response, body))
  const options = await target([`${url}/file.bin`])
  await leftOver(options.path, body)
  await download(options)
  expect(sha256(await readFile(options.path))).toBe(sha256(body))
})

test('a part of another file is discarded and downloaded again', async () => {
  const { url, requests } = await serve((request, response) => sendFile(request, response, body))
  const options = await target([`${url}/file.bin`])
  await leftOver(options.path, new Uint8Array(1000))
  await download(options)
  expect(requests.map(({ range }) => range)).toEqual(['bytes=1000-', undefined])
  expect(sha256(await readFile(options.path))).toBe(sha256(body))
})

test('wrong bytes are ARCHLOOM_DOWNLOAD_CHECKSUM, and nothing is kept', async () => {
  const { url, requests } = await serve((request, response) => sendFile(request, response, body.subarray(1)))
  const options = await target([`${url}/file.bin`])
  await expect(download(options)).rejects.toMatchObject({
    code: 'ARCHLOOM_DOWNLOAD_CHECKSUM',
    details: { expected: checksum.value, received: md5(body.subarray(1)) },
  })
  expect(requests).toHaveLength(1)
  expect(await exists(options.path)).toBe(false)
  expect(await exists(`${options.path}.part`)).toBe(false)
})

test('404 is ARCHLOOM_DOWNLOAD_STATUS at once; the next address is tried', async () => {
  const { url, requests } = await serve((request, response) => {
    if (request.url === '/gone') response.writeHead(404).end('no')
    else sendFile(request, response, body)
  })
  await expect(download(await target([`${url}/gone`]))).rejects.toMatchObject({
    code: 'ARCHLOOM_DOWNLOAD_STATUS',
    message: expect.stringContaining('404 Not Found'),
  })
  expect(requests).toHaveLength(1)
  const options = await target([`${url}/gone`, `${url}/here`])
  await download(options)
  expect(sha256(await readFile(options.path))).toBe(sha256(body))
})

test('503 is tried again', async () => {
  const { url, requests } = await serve((request, response, count) => {
    if (count < 3) response.writeHead(503).end()
    else sendFile(request, response, body)
  })
  await download(await target([`${url}/file.bin`]))
  expect(requests).toHaveLength(3)
})

test('a connection that always breaks is ARCHLOOM_DOWNLOAD_FAILED, and the part is kept', async () => {
  const { url, requests } = await serve((request, response) => sendFile(request, response, body, 1000))
  const options = await target([`${url}/file.bin`], { attempts: 2 })
  await expect(download(options)).rejects.toMatchObject({
    code: 'ARCHLOOM_DOWNLOAD_FAILED',
    details: { attempts: 2, received: 2000 },
  })
  expect(requests).toHaveLength(2)
  expect((await readFile(`${options.path}.part`)).length).toBe(2000)
})

test('a connection that falls silent is given up', async () => {
  const { url } = await serve((_request, response) => {
    response.writeHead(200, { 'content-length': 10 }).write('abc')
  })
  const options = await target([`${url}/file.bin`], { attempts: 1, stallMs: 50 })
  await expect(download(options)).rejects.toMatchObject({
    code: 'ARCHLOOM_DOWNLOAD_FAILED',
    message: expect.stringContaining('no data came for 50 ms'),
  })
})

test('no server at all is ARCHLOOM_DOWNLOAD_FAILED, and says why', async () => {
  const options = await target(['http://127.0.0.1:9/file.bin'], { attempts: 1 })
  await expect(download(options)).rejects.toMatchObject({
    code: 'ARCHLOOM_DOWNLOAD_FAILED',
    message: expect.stringMatching(/fetch failed \(.+\)/),
  })
})

test('an abort ends it with the reason of the signal', async () => {
  const abort = new AbortController()
  const { url } = await serve((request, response) => sendFile(request, response, body, 1000))
  const options = await target([`${url}/file.bin`], {
    signal: abort.signal,
    onProgress: () => abort.abort(new Error('enough')),
  })
  await expect(download(options)).rejects.toThrow('enough')
})

test('the bar: share, sizes, speed and time left', () => {
  const progress = { file: 'a.gz', url: 'http://x/a.gz', received: 5e6, total: 20e6, bytesPerSecond: 1e6, done: false }
  expect(progressLine(progress)).toBe('a.gz  ██████░░░░░░░░░░░░░░░░░░  25 %  5.0 of 20 MB  1.0 MB/s  15 s left')
  const lines: string[] = []
  const draw = progressBar({ isTTY: true, columns: 40, write: (text) => lines.push(text) })
  draw(progress)
  draw({ ...progress, received: 5.01e6 })
  draw({ ...progress, received: 20e6, done: true })
  expect(lines).toHaveLength(2)
  expect(lines[0]?.replace('\r\x1b[2K', '')).toHaveLength(39)
  expect(lines[1]).toMatch(/\n$/)
  const quiet: string[] = []
  const log = progressBar({ write: (text) => quiet.push(text) })
  log(progress)
  log({ ...progress, received: 20e6, done: true })
  expect(quiet).toEqual(['a.gz: 20 MB downloaded from http://x/a.gz\n'])
})
