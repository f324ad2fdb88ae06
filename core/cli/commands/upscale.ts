import { filePairs, loadUpscaler, upscaleFiles } from 'archloom/evaluators/upscaling'
import { realClock } from '../../clock.ts'
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
  readonly output: Output
}

/** `archloom upscale --model <folder> <input> <output>`: pictures and folders of pictures, tile by tile. */
export async function upscale(input: string, to: string, command: UpscaleCommand): Promise<number> {
  const { model: folder, scale, tile, overlap, compare, output } = command
  const pairs = await filePairs(input, to)
  const engine = await useEngine(command.engine)
  using model = await loadUpscaler(folder, { ...(scale !== undefined && { scale }) })
  const { kind, parameters, reach, scale: factor } = model.description
  output.note(`${kind} ×${factor}, ${parameters} parameters, engine ${engine.name} ${engine.version}`)
  if (reach === null) output.note('this network looks at the whole image: between tiles its result may differ slightly')
  const stop = new AbortController()
  using _signals = onInterrupt({ stop: () => stop.abort(new Error('interrupted')), say: output.note })
  using status = statusLine(output.progress, realClock)
  const began = realClock.now()
  const images = []
  let failed = 0
  const settings = {
    ...(tile !== undefined && { tile }),
    ...(overlap !== undefined && { overlap }),
    ...{ compare, signal: stop.signal },
    onProgress: (share: number, from: string) => status.show(`${Math.floor(100 * share)} %  ${from}`),
  }
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
  const seconds = (realClock.now() - began) / 1000
  const done = pairs.length - failed
  output.log(`${done} of ${pairs.length} enlarged ×${factor} in ${durationText(1000 * seconds)}`)
  output.result({ model: model.description, engine: engine.name, seconds, failed, images })
  return failed === 0 ? 0 : 1
}
