import { access, stat } from 'node:fs/promises'
import {
  defaultOutput,
  type FilePair,
  filePairs,
  isFilm,
  loadUpscaler,
  pretrainedUpscalers,
  type UpscalerFamily,
  type UpscalerModel,
  upscaleFiles,
  upscaleFilm,
} from 'archloom/evaluators/upscaling'
import { type Clock, realClock } from '../../clock.ts'
import { type EngineReport, useEngine } from '../../tensor/index.ts'
import { onInterrupt } from '../interrupt.ts'
import type { Output } from '../output.ts'
import { statusLine } from '../status-line.ts'
import { durationText } from '../text.ts'

export interface UpscaleCommand {
  /** Model folder, or an ONNX file. Default: the networks that come with archloom. */
  readonly model?: string
  readonly scale?: number
  readonly tile?: number
  readonly overlap?: number
  readonly engine: string
  readonly compare: boolean
  readonly quality?: number
  readonly format?: 'png' | 'jpg' | 'webp'
  /** Size to write. */
  readonly to?: { readonly width?: number; readonly height?: number }
  /** Greatest value of the images that an ONNX file takes. */
  readonly range?: '1' | '255'
  readonly selfEnsemble: boolean
  /** Skip images whose result exists already. */
  readonly missing: boolean
  readonly output: Output
}

/** The exit code that shells expect of a program that was ended by Ctrl-C. */
const INTERRUPTED = 130

/** `archloom upscale <input> [output]`: enlarges images, folders of images and films. */
export async function upscale(input: string, given: string | undefined, command: UpscaleCommand): Promise<number> {
  const { scale, format, to: size, missing, output } = command
  const sizes = { ...(scale !== undefined && { scale }), ...(size !== undefined && { to: size }) }
  const film = isFilm(input) && !(await isFolder(input))
  const planned = async (to: string) => {
    const all = await filePairs(input, to, { ...(format !== undefined && { format }) })
    const left = missing ? await absent(all) : all
    if (left.length < all.length) output.note(`${all.length - left.length} of ${all.length} exist already`)
    return left
  }
  const named = given === undefined ? undefined : await planned(given)
  const engine = await useEngine(command.engine)
  await using models = await modelsOf(command, engine)
  const own = { scale: scale ?? models.scale, ...(format !== undefined && { format }), ...(size && { to: size }) }
  const pairs = named ?? (await planned(await defaultOutput(input, own)))
  output.note(models.text)
  for (const note of models.notes) output.note(note)
  const stop = new AbortController()
  using _signals = onInterrupt({ stop: () => stop.abort(new Error('interrupted')), say: output.note })
  using status = statusLine(output.progress, realClock)
  const began = realClock.now()
  const left = timeLeft(realClock)
  const { tile, overlap, quality, compare, selfEnsemble } = command
  const settings = {
    ...(tile !== undefined && { tile }),
    ...(overlap !== undefined && { overlap }),
    ...(quality !== undefined && { quality }),
    ...sizes,
    selfEnsemble,
    signal: stop.signal,
  }
  const show = (share: number, from: string) => status.show(`${Math.floor(100 * share)} %${left(share)}  ${from}`)
  const results = []
  let failed = 0
  try {
    for (const pair of film ? pairs : []) {
      const onProgress = (frames: number, of?: number) => show(of ? Math.min(1, frames / of) : 0, `frame ${frames} of ${of ?? 'an unknown number'}`) // biome-ignore format: one line
      const done = await upscaleFilm(models.models, pair.from, pair.to, { ...settings, onProgress })
      results.push(done)
      const { from, to: written, size: changed, frames, notes } = done
      status.above(`${from} ${changed[0]} → ${written} ${changed[1]}, ${frames} frames${lines(notes)}`)
    }
    const images = film ? [] : upscaleFiles(models.models, pairs, { ...settings, compare, onProgress: show })
    for await (const image of images) {
      results.push(image)
      if ('failure' in image) {
        failed++
        status.above(`${image.from}: ${image.failure}`)
        continue
      }
      const { from, to: written, size: changed, notes } = image
      status.above(`${from} ${changed[0]} → ${written} ${changed[1]}${lines(notes)}`)
    }
  } catch (thrown) {
    if (!stop.signal.aborted || thrown !== stop.signal.reason) throw thrown
  }
  const seconds = (realClock.now() - began) / 1000
  const stopped = stop.signal.aborted
  const by = size === undefined ? ` ×${scale ?? models.scale}` : ''
  output.log(`${results.length - failed} of ${pairs.length} enlarged${by} in ${durationText(1000 * seconds)}`)
  if (stopped)
    output.log('stopped; every file that was written is complete. Continue with the same command and --missing')
  const about = { model: models.description, engine: engine.name, seconds, failed, stopped }
  output.result({ ...about, [film ? 'films' : 'images']: results })
  if (stopped) return INTERRUPTED
  return failed === 0 ? 0 : 1
}

const lines = (notes: readonly string[]) => notes.map((note) => `\n  ${note}`).join('')

const isFolder = (path: string) =>
  stat(path).then(
    (facts) => facts.isDirectory(),
    () => false,
  )

interface Models extends AsyncDisposable {
  readonly models: UpscalerModel | UpscalerFamily
  readonly scale: number
  readonly text: string
  readonly notes: readonly string[]
  readonly description: object
}

/** The networks that the command names, or those that come with archloom. */
async function modelsOf({ model, range }: UpscaleCommand, engine: EngineReport): Promise<Models> {
  const runs = `engine ${engine.name} ${engine.version}`
  if (model === undefined) {
    const family = pretrainedUpscalers()
    const scales = family.scales.map((scale) => `×${scale}`).join(', ')
    return {
      models: family,
      scale: family.scales[0] as number,
      text: `networks of archloom for ${scales}, ${runs}`,
      notes: [],
      description: { kind: 'pretrained', scales: family.scales },
      [Symbol.asyncDispose]: async () => family[Symbol.dispose](),
    }
  }
  if (/\.onnx$/i.test(model) && !(await isFolder(model))) {
    const { openOnnxUpscaler } = await import('archloom/plugins/onnx')
    const threads = engine.threads ?? 1
    const opened = await openOnnxUpscaler(model, { threads, ...(range && { range: range === '1' ? 1 : 255 }) })
    const { scale, parameters, reach } = opened.description
    return {
      models: opened,
      scale,
      text: `${model} ×${scale}, ${parameters} parameters, values up to ${opened.range}`,
      notes: whole(reach),
      description: { ...opened.description, file: model, range: opened.range },
      [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
    }
  }
  const loaded = await loadUpscaler(model)
  const { kind, parameters, reach, scale } = loaded.description
  return {
    models: loaded,
    scale,
    text: `${kind} ×${scale}, ${parameters} parameters, ${runs}`,
    notes: whole(reach),
    description: loaded.description,
    [Symbol.asyncDispose]: async () => loaded[Symbol.dispose](),
  }
}

const whole = (reach: number | null) =>
  reach === null ? ['this network uses the whole image, so its result may differ slightly between tiles'] : []

async function absent(pairs: readonly FilePair[]): Promise<readonly FilePair[]> {
  const there = await Promise.all(
    pairs.map(({ to }) =>
      access(to)
        .then(() => true)
        .catch(() => false),
    ),
  )
  return pairs.filter((_, i) => !there[i])
}

/**
 * Estimates the time left from the time that the share so far took. The time before the first report does not count,
 * because it prepares the engine.
 */
function timeLeft(clock: Clock): (share: number) => string {
  let first: { readonly at: number; readonly share: number } | undefined
  return (share) => {
    first ??= { at: clock.now(), share }
    if (share <= first.share || share >= 1) return ''
    const perShare = (clock.now() - first.at) / (share - first.share)
    return `  ${durationText((1 - share) * perShare)} left`
  }
}
