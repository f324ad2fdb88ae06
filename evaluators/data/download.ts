import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ReadableStream } from 'node:stream/web'
import { type Clock, realClock } from '../../core/clock.ts'
import { type ArchloomError, messageOf } from '../../core/errors.ts'
import { optionNames } from '../../core/options/index.ts'
import { error } from './errors.ts'

export interface Checksum {
  readonly algorithm: 'md5' | 'sha256'
  /** Hexadecimal, lower case. */
  readonly value: string
}

export interface DownloadProgress {
  readonly file: string
  readonly url: string
  /** Bytes on disk so far, those of earlier attempts included. */
  readonly received: number
  /** Total size in bytes, if the server reports it. */
  readonly total?: number
  readonly bytesPerSecond: number
  readonly done: boolean
}

export interface DownloadOptions {
  /** Addresses of the same file, tried in order. */
  readonly urls: readonly string[]
  /** Path of the file. During the download it is called `<path>.part`. */
  readonly path: string
  readonly checksum: Checksum
  readonly onProgress?: (progress: DownloadProgress) => void
  /** Number of attempts for each address. Default: 4. */
  readonly attempts?: number
  /** Milliseconds without data after which a connection is given up. Default: 30,000. */
  readonly stallMs?: number
  /** Milliseconds before the second attempt, doubled each time. Default: 1,000. */
  readonly pauseMs?: number
  readonly clock?: Clock
  readonly signal?: AbortSignal
}

const downloadNames = optionNames<DownloadOptions>('download', {
  urls: true,
  path: true,
  checksum: true,
  onProgress: true,
  attempts: true,
  stallMs: true,
  pauseMs: true,
  clock: true,
  signal: true,
})

/**
 * Downloads a file, continuing an interrupted attempt or run, and keeps it only if its checksum is right. Errors:
 * ARCHLOOM_DOWNLOAD_STATUS, ARCHLOOM_DOWNLOAD_FAILED, ARCHLOOM_DOWNLOAD_CHECKSUM.
 */
export async function download(options: DownloadOptions): Promise<void> {
  downloadNames(options)
  const { urls, path, attempts = 4, pauseMs = 1000, clock = realClock, signal } = options
  const part = `${path}.part`
  await mkdir(dirname(path), { recursive: true })
  let failure: ArchloomError | undefined
  for (const url of urls) {
    for (let attempt = 1; attempt <= attempts; attempt++) {
      signal?.throwIfAborted()
      const resumed = await sizeOf(part)
      try {
        await fetchInto(part, resumed, url, options, clock)
        const received = await hashOf(part, options.checksum.algorithm)
        if (received === options.checksum.value) return await rename(part, path)
        await rm(part)
        const { algorithm, value: expected } = options.checksum
        failure = error('ARCHLOOM_DOWNLOAD_CHECKSUM', { url, algorithm, received, expected })
        // An earlier part may belong to another file, so try once more from the start. If that fails, the source is
        // bad.
        if (resumed === 0) break
      } catch (cause) {
        signal?.throwIfAborted()
        if (cause instanceof Refusal) {
          failure = error('ARCHLOOM_DOWNLOAD_STATUS', { url, status: cause.status, statusText: cause.message })
          if (!cause.temporary) break
        } else {
          const reason = reasonOf(cause)
          const received = await sizeOf(part)
          failure = error('ARCHLOOM_DOWNLOAD_FAILED', { url, attempts: attempt, received, reason }, { cause })
          // The host is unknown, usually because there is no network. Waiting does not help.
          if (reason.includes('ENOTFOUND')) break
        }
      }
      if (attempt < attempts) await clock.sleep(pauseMs * 2 ** (attempt - 1), signal)
    }
  }
  throw failure ?? error('ARCHLOOM_DOWNLOAD_FAILED', { url: path, attempts: 0, received: 0, reason: 'no address' })
}

class Refusal extends Error {
  readonly status: number
  constructor(response: Response) {
    super(response.statusText)
    this.status = response.status
  }
  get temporary() {
    return this.status === 408 || this.status === 429 || this.status >= 500
  }
}

async function fetchInto(part: string, resumed: number, url: string, options: DownloadOptions, clock: Clock) {
  const { stallMs = 30_000, onProgress } = options
  using stall = new StallTimer(stallMs)
  const signal = options.signal ? AbortSignal.any([options.signal, stall.signal]) : stall.signal
  // 'identity', because ranges and sizes would not be those of the file if the server compressed it.
  const headers = { 'accept-encoding': 'identity', ...(resumed > 0 && { range: `bytes=${resumed}-` }) }
  const response = await fetch(url, { headers, signal })
  // Range not satisfiable: the part is complete already, or longer than the file. The checksum decides.
  if (response.status === 416 && resumed > 0) return void (await response.body?.cancel())
  if (!response.ok || !response.body) {
    await response.body?.cancel()
    throw new Refusal(response)
  }
  const continues = response.status === 206 && rangeStart(response) === resumed
  const before = continues ? resumed : 0
  const length = Number(response.headers.get('content-length') ?? Number.NaN)
  const total = Number.isFinite(length) ? { total: before + length } : {}
  const started = clock.now()
  let received = before
  const report = (done: boolean) => {
    const seconds = Math.max(1, clock.now() - started) / 1000
    const bytesPerSecond = (received - before) / seconds
    onProgress?.({ file: basename(options.path), url, received, ...total, bytesPerSecond, done })
  }
  const counter = new Transform({
    transform(chunk: Uint8Array, _encoding, next) {
      stall.restart()
      received += chunk.length
      report(false)
      next(null, chunk)
    },
  })
  const body = Readable.fromWeb(response.body as ReadableStream<Uint8Array>)
  await pipeline(body, counter, createWriteStream(part, { flags: continues ? 'a' : 'w' }), { signal })
  if (total.total !== undefined && received < total.total)
    throw new Error(`the connection ended after ${received} of ${total.total} bytes`)
  report(true)
}

class StallTimer implements Disposable {
  readonly #controller = new AbortController()
  readonly #ms: number
  #timer: NodeJS.Timeout | undefined
  constructor(ms: number) {
    this.#ms = ms
    this.restart()
  }
  get signal() {
    return this.#controller.signal
  }
  restart() {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#controller.abort(new Error(`no data came for ${this.#ms} ms`)), this.#ms)
  }
  [Symbol.dispose]() {
    clearTimeout(this.#timer)
  }
}

const rangeStart = (response: Response) =>
  Number(/^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')?.[1] ?? Number.NaN)

const sizeOf = async (path: string) => (await stat(path).catch(() => undefined))?.size ?? 0

async function hashOf(path: string, algorithm: Checksum['algorithm']): Promise<string> {
  const hash = createHash(algorithm)
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}

/** The reason of a failed fetch, which is in the cause of the error. */
const reasonOf = (thrown: unknown): string => {
  const inner = thrown instanceof Error ? thrown.cause : undefined
  return inner ? `${messageOf(thrown)} (${messageOf(inner) || (inner as { code?: string }).code})` : messageOf(thrown)
}
