/** Films: decoded and encoded by ffmpeg through pipes, one frame in memory at a time. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, extname, join, resolve } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { messageOf } from '../../core/errors.ts'
import { optionError, optionNames } from '../../core/options/index.ts'
import { error } from './errors.ts'
import { enlarged, fittedTo } from './files.ts'
import { writableFilms } from './film-formats.ts'
import type { UpscalerModel } from './model.ts'
import type { UpscalerFamily } from './pretrained.ts'
import { checkSizeOptions, familyOf, planFor, type Size, type SizeOptions } from './sizing.ts'
import type { TilingOptions } from './tiling.ts'
import { ffmpeg } from './video.ts'

/** What is known of a film before it is decoded. */
export interface FilmFacts extends Size {
  /** Frames per second, as a fraction. */
  readonly rate: string
  /** Number of frames, where the file states it or its duration. */
  readonly frames: number | undefined
  /** Number of sound tracks. */
  readonly sounds: number
}

interface ProbedStream {
  readonly codec_type?: string
  readonly width?: number
  readonly height?: number
  readonly avg_frame_rate?: string
  readonly r_frame_rate?: string
  readonly nb_frames?: string
  readonly duration?: string
  readonly color_space?: string
  readonly color_transfer?: string
  readonly sample_aspect_ratio?: string
  readonly side_data_list?: readonly { readonly rotation?: number }[]
}

interface Probed extends FilmFacts {
  readonly matrix: string | undefined
  readonly aspect: string | undefined
}

const isRate = (rate: string | undefined): rate is string => /^[1-9]\d*\/[1-9]\d*$/.test(rate ?? '')

async function probed(file: string): Promise<Probed> {
  const refuse = (reason: string) => error('ARCHLOOM_VIDEO', { path: file, reason })
  const said = await ffmpeg(file, 'ffprobe', ['-v', 'error', '-of', 'json', '-show_streams', '-show_format', resolve(file)]) // biome-ignore format: one line
  const { streams = [], format = {} } = JSON.parse(said) as {
    streams?: readonly ProbedStream[]
    format?: { readonly duration?: string }
  }
  const video = streams.find(({ codec_type }) => codec_type === 'video')
  if (!video?.width || !video.height) throw refuse('it has no pictures')
  const rate = [video.avg_frame_rate, video.r_frame_rate].find(isRate)
  if (rate === undefined) throw refuse(`its frame rate reads "${video.avg_frame_rate}"`)
  const { color_transfer: transfer } = video
  if (transfer === 'smpte2084' || transfer === 'arib-std-b67')
    throw refuse(`it has a high dynamic range (${transfer}), which 8 bits per colour do not hold`)
  const turned = Math.abs(video.side_data_list?.find(({ rotation }) => rotation)?.rotation ?? 0) % 180 === 90
  const [over = 0, under = 1] = rate.split('/').map(Number)
  const seconds = Number(video.duration ?? format.duration)
  const counted = Number(video.nb_frames) || Math.round((seconds * over) / under)
  const known = video.color_space !== undefined && video.color_space !== 'unknown'
  const ratio = video.sample_aspect_ratio
  return {
    height: turned ? video.width : video.height,
    width: turned ? video.height : video.width,
    rate,
    frames: counted > 0 ? counted : undefined,
    sounds: streams.filter(({ codec_type }) => codec_type === 'audio').length,
    // Films of high definition that state no matrix mean BT.709, and ffmpeg would assume BT.601.
    matrix: known || video.height < 720 ? undefined : 'bt709',
    aspect: isRate(ratio?.replace(':', '/')) && ratio !== '1:1' ? ratio?.replace(':', '/') : undefined,
  }
}

/** Size, rate and sounds of a film. Needs ffmpeg. Error: ARCHLOOM_VIDEO. */
export async function describeFilm(file: string): Promise<FilmFacts> {
  const { height, width, rate, frames, sounds } = await probed(file)
  return { height, width, rate, frames, sounds }
}

export interface UpscaleFilmOptions extends Omit<TilingOptions, 'onTile'>, SizeOptions {
  /** 1 to 100: how closely the encoder follows the frames. Default: 90. */
  readonly quality?: number
  /** Whether to average over the eight symmetries of each frame, which takes eight times as long. Default: false. */
  readonly selfEnsemble?: boolean
  /** Called after each frame with the number of frames so far, and of all, where it is known. */
  readonly onProgress?: (frames: number, of: number | undefined) => void
}

export interface UpscaledFilm {
  readonly from: string
  readonly to: string
  readonly frames: number
  /** Size (width×height) before and after. */
  readonly size: readonly [before: string, after: string]
  /** Scale of the network that was used; 1: none was needed. */
  readonly scale: number
  readonly notes: readonly string[]
}

const upscaleFilmNames = optionNames<UpscaleFilmOptions>('upscaleFilm', {
  tile: true,
  overlap: true,
  signal: true,
  quality: true,
  scale: true,
  to: true,
  selfEnsemble: true,
  onProgress: true,
})

/** Most pixels of a frame that encoders take: 16,384 × 8,704, the greatest of level 6.2 of H.264. */
const MOST = 139_264 * 256 * 4
const even = (n: number) => n + (n % 2)

/** Arguments of the encoder of a container; higher qualities are lower quantisers. */
function encoder(to: string, quality: number): readonly string[] {
  const webm = extname(to).toLowerCase() === '.webm'
  const steps = Math.round(((100 - quality) / 100) * (webm ? 63 : 51))
  return webm
    ? ['-c:v', 'libvpx-vp9', '-b:v', '0', '-crf', `${10 + Math.min(53, steps)}`, '-row-mt', '1']
    : ['-c:v', 'libx264', '-preset', 'medium', '-crf', `${Math.min(51, 12 + steps)}`]
}

/** A running program, its end, and the last line that it wrote to its error output. */
function running(path: string, program: string, args: readonly string[], stdio: ('pipe' | 'ignore')[]) {
  const child = spawn(program, [...args], { stdio: [...stdio, 'pipe'] })
  let said = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    said = `${said}${chunk}`.slice(-4000)
  })
  const ended = new Promise<void>((done, fail) => {
    child.once('error', (cause) => {
      const missing = (cause as { code?: unknown }).code === 'ENOENT'
      fail(error('ARCHLOOM_VIDEO', { path, reason: missing ? `${program} is not installed` : messageOf(cause) }, { cause })) // biome-ignore format: one line
    })
    child.once('close', (code) => {
      if (code === 0) return done()
      fail(error('ARCHLOOM_VIDEO', { path, reason: said.trim().split('\n').at(-1) || `${program} ended with ${code}` }))
    })
  })
  // Awaited at the end; a failure in between must not count as unhandled.
  ended.catch(() => {})
  return { child, ended }
}

/** Frames of `bytes` bytes from a stream of any pieces. */
async function* framesOf(stream: Readable, bytes: number): AsyncGenerator<Uint8Array> {
  let frame = new Uint8Array(bytes)
  let filled = 0
  for await (const chunk of stream as AsyncIterable<Buffer>)
    for (let at = 0; at < chunk.length; ) {
      const taken = Math.min(bytes - filled, chunk.length - at)
      frame.set(chunk.subarray(at, at + taken), filled)
      filled += taken
      at += taken
      if (filled < bytes) continue
      yield frame
      frame = new Uint8Array(bytes)
      filled = 0
    }
}

async function write(stream: Writable, bytes: Uint8Array): Promise<void> {
  if (stream.destroyed) return
  if (!stream.write(bytes)) await Promise.race([once(stream, 'drain'), once(stream, 'close')])
}

/**
 * Enlarges a film frame by frame and copies its sound tracks. ffmpeg decodes and encodes through pipes, so memory does
 * not grow with the length of the film. Frames keep their rate; films of a variable rate get their mean rate. Written
 * completely or not at all. Errors: ARCHLOOM_VIDEO (also where ffmpeg is missing), ARCHLOOM_UPSCALING_PATHS,
 * ARCHLOOM_UPSCALING_SIZE, ARCHLOOM_UPSCALING_SCALE, ARCHLOOM_OPTION.
 */
export async function upscaleFilm(
  models: UpscalerModel | UpscalerFamily,
  from: string,
  to: string,
  given: UpscaleFilmOptions = {},
): Promise<UpscaledFilm> {
  const { quality = 90, scale, to: target, selfEnsemble = false, onProgress, ...tiling } = upscaleFilmNames(given)
  if (!(Number.isInteger(quality) && quality >= 1 && quality <= 100))
    throw optionError('upscaleFilm', 'quality', quality, 'a whole number from 1 to 100')
  const sizes = { ...(scale !== undefined && { scale }), ...(target !== undefined && { to: target }) }
  checkSizeOptions('upscaleFilm', sizes)
  if (!writableFilms.includes(extname(to).toLowerCase()))
    throw error('ARCHLOOM_UPSCALING_PATHS', { input: from, output: to, reason: `films are written as ${writableFilms.join(', ')}` }) // biome-ignore format: one line
  if (resolve(from) === resolve(to))
    throw error('ARCHLOOM_UPSCALING_PATHS', { input: from, output: to, reason: 'the film would overwrite itself' })
  const facts = await probed(from)
  const family = familyOf(models, selfEnsemble)
  const plan = planFor(facts, family.scales, sizes)
  const written = { height: even(plan.written.height), width: even(plan.written.width) }
  if (written.height * written.width > MOST)
    throw error('ARCHLOOM_UPSCALING_SIZE', { path: from, size: `${written.width}×${written.height}`, most: MOST })
  await mkdir(dirname(resolve(to)), { recursive: true })
  const part = join(dirname(resolve(to)), `.${basename(to, extname(to))}.${process.pid}.part${extname(to)}`)
  const { rate, matrix, aspect } = facts
  const raw = ['-f', 'rawvideo', '-pix_fmt', 'rgb24']
  const decode = [
    ...['-v', 'error', '-nostdin', '-i', resolve(from), '-map', '0:v:0', '-r', rate],
    ...(matrix ? ['-vf', `scale=in_color_matrix=${matrix}`] : []),
    ...[...raw, 'pipe:1'],
  ]
  const { height, width } = plan.written
  const filters = [
    `pad=${written.width}:${written.height}`,
    'scale=out_color_matrix=bt709:out_range=tv',
    ...(aspect ? [`setsar=${aspect}`] : []),
  ]
  const encode = [
    ...['-v', 'error', '-y', ...raw, '-s', `${width}x${height}`, '-r', rate, '-i', 'pipe:0', '-i', resolve(from)],
    ...['-map', '0:v', '-map', '1:a?', '-map_metadata', '1', '-map_chapters', '1', '-c:a', 'copy'],
    ...['-vf', filters.join(','), ...encoder(to, quality), '-pix_fmt', 'yuv420p'],
    ...['-colorspace', 'bt709', '-color_primaries', 'bt709', '-color_trc', 'bt709', '-color_range', 'tv'],
    part,
  ]
  const reader = running(from, 'ffmpeg', decode, ['ignore', 'pipe'])
  const writer = running(to, 'ffmpeg', encode, ['pipe', 'ignore'])
  const sink = writer.child.stdin as Writable
  // A program that ends early closes its pipe; its end says why.
  sink.on('error', () => {})
  const stop = () => {
    for (const { child } of [reader, writer]) end(child)
  }
  tiling.signal?.addEventListener('abort', stop, { once: true })
  let frames = 0
  try {
    for await (const pixels of framesOf(reader.child.stdout as Readable, facts.height * facts.width * 3)) {
      tiling.signal?.throwIfAborted()
      const image = { height: facts.height, width: facts.width, channels: 3, pixels } as const
      const large = fittedTo(await enlarged(family, image, plan, tiling), plan.written)
      if (writer.child.exitCode !== null) break
      await write(sink, large.pixels as Uint8Array)
      frames++
      onProgress?.(frames, facts.frames)
    }
    tiling.signal?.throwIfAborted()
    if (writer.child.exitCode === null) await reader.ended
    sink.end()
    await writer.ended
    if (frames === 0) throw error('ARCHLOOM_VIDEO', { path: from, reason: 'it has no frame that can be decoded' })
    await rename(part, to)
  } catch (thrown) {
    stop()
    await Promise.allSettled([reader.ended, writer.ended])
    await rm(part, { force: true })
    tiling.signal?.throwIfAborted()
    throw thrown
  } finally {
    tiling.signal?.removeEventListener('abort', stop)
  }
  return {
    from,
    to,
    frames,
    size: [`${facts.width}×${facts.height}`, `${written.width}×${written.height}`],
    scale: plan.network,
    notes: [
      ...plan.notes,
      ...(facts.sounds === 0 ? ['the film has no sound'] : []),
      ...(written.height !== height || written.width !== width ? ['sides made even, as encoders require'] : []),
    ],
  }
}

function end(child: ChildProcess): void {
  if (child.exitCode === null) child.kill('SIGKILL')
}
