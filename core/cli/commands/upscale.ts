import { access } from 'node:fs/promises'
import { type FilePair, filePairs, loadUpscaler, upscaleFiles } from 'archloom/evaluators/upscaling'
import { type Clock, realClock } from '../../clock.ts'
import { useEngine } from '../../tensor/index.ts'
import { onInterrupt } from '../interrupt.ts'
import type { Output } from '../output.ts'
import { statusLine } from '../status-line.ts'
import { durationText } from '../text.ts'

export interface UpscaleCommand {
  /** Model folder. */
  readonly model: string
  readonly scale?: number
  readonly tile?: number
  readonly overlap?: number
  readonly engine: string
  readonly compare: boolean
  readonly quality?: number
  readonly format?: 'png' | 'jpg' | 'webp'
  /** Size to write. */
  readonly to?: { readonly width?: number; readonly height?: number }
  /** Leave out pictures whose result is there. */
  readonly missing: boolean
  readonly output: Output
}

/** What shells expect of a program that Ctrl-C ended. */
const INTERRUPTED = 130

/** `archloom upscale --model <folder> <input> <output>`: pictures and folders of pictures, tile by tile. */
export async function upscale(input: string, to: string, command: UpscaleCommand): Promise<number> {
  const { model: folder, scale, tile, overlap, compare, missing, quality, format, to: size, output } = command
  const all = await filePairs(input, to, { ...(format !== undefined && { format }) })
  const pairs = missing ? await absent(all) : all
  if (pairs.length < all.length) output.note(`${all.length - pairs.length} of ${all.length} are there already`)
  const engine = await useEngine(command.engine)
  using model = await loadUpscaler(folder, { ...(scale !== undefined && { scale }) })
  const { kind, parameters, reach, scale: factor } = model.description
  output.note(`${kind} ×${factor}, ${parameters} parameters, engine ${engine.name} ${engine.version}`)
  if (reach === null) output.note('this network looks at the whole image: between tiles its result may differ slightly')
  const stop = new AbortController()
  using _signals = onInterrupt({ stop: () => stop.abort(new Error('interrupted')), say: output.note })
  using status = statusLine(output.progress, realClock)
  const began = realClock.now()
  const left = timeLeft(realClock)
  const images = []
  let failed = 0
  const settings = {
    ...(tile !== undefined && { tile }),
    ...(overlap !== undefined && { overlap }),
    ...(quality !== undefined && { quality }),
    ...(size !== undefined && { to: size }),
    compare,
    signal: stop.signal,
    onProgress: (share: number, from: string) => status.show(`${Math.floor(100 * share)} %${left(share)}  ${from}`),
  }
  try {
    for await (const image of upscaleFiles(model, pairs, settings)) {
      images.push(image)
      if ('failure' in image) {
        failed++
        status.above(`${image.from}: ${image.failure}`)
        continue
      }
      const { from, to: written, size, notes } = image
      status.above(`${from} ${size[0]} → ${written} ${size[1]}${notes.map((note) => `\n  ${note}`).join('')}`)
    }
  } catch (thrown) {
    if (!stop.signal.aborted || thrown !== stop.signal.reason) throw thrown
  }
  const seconds = (realClock.now() - began) / 1000
  const stopped = stop.signal.aborted
  output.log(`${images.length - failed} of ${pairs.length} enlarged ×${factor} in ${durationText(1000 * seconds)}`)
  if (stopped)
    output.log('stopped; pictures are written whole or not at all: go on with the same command and --missing')
  output.result({ model: model.description, engine: engine.name, seconds, failed, stopped, images })
  if (stopped) return INTERRUPTED
  return failed === 0 ? 0 : 1
}

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

/** Tells the time left by what the share so far took, counted from the first report: that one prepares the engine. */
function timeLeft(clock: Clock): (share: number) => string {
  let first: { readonly at: number; readonly share: number } | undefined
  return (share) => {
    first ??= { at: clock.now(), share }
    if (share <= first.share || share >= 1) return ''
    const perShare = (clock.now() - first.at) / (share - first.share)
    return `  ${durationText((1 - share) * perShare)} left`
  }
}
