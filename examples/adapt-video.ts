// Adapts a network to a film of which only small frames exist, and enlarges the frames. The input is a folder of
// frames (default: sintel-frames in ARCHLOOM_DATA) or, if ffmpeg is installed, a film file. With --measure the frames
// are the ground truth: a small film is made from them by blurring and subsampling, and the PSNR is printed before and
// after the adaptation, and after the same number of steps without the film. The sound of a film is not kept.
//     npx archloom run examples/adapt-video.ts --input film.mp4 --out large.mp4
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as tf from '@tensorflow/tfjs-core'
import { seeded } from 'archloom'
import {
  crop,
  downscaleBlurred,
  drawScene,
  type PatchDataset,
  type Picture,
  type PicturePair,
  pairOf,
  patchSplit,
  picturesIn,
  readPicture,
  superResolutionData,
  upscaleBicubic,
  writePicture,
} from 'archloom/evaluators/data/images'
import { upscalingQuality } from 'archloom/evaluators/metrics'
import {
  assembleFrames,
  extractFrames,
  frameRate,
  saveUpscaler,
  sideBySide,
  upscaleTiled,
} from 'archloom/evaluators/upscaling'
import {
  type DualNetworks,
  type DualRegressionOptions,
  dualNetworks,
  dualRegressionTrainer,
} from 'archloom/plugins/drn'
import { buildCompactNetwork, type ScopedUpscalingNetwork } from 'archloom/search-spaces/super-resolution'
import { useEngine } from 'archloom/tensor'

export const flags = {
  input: { type: 'string', describe: 'folder of frames, or a film file (needs ffmpeg)' },
  out: { type: 'string', describe: 'folder for the large frames, or a film file; default large-frames' },
  frames: { type: 'number', describe: 'only the first so many frames' },
  scale: { type: 'number', describe: '2, 3 or 4; default 2' },
  steps: { type: 'number', describe: 'steps on pairs, before; default 400' },
  adaptSteps: { type: 'number', describe: 'steps of adaptation; default 100' },
  measure: { type: 'boolean', describe: 'make the small film from these frames, and tell PSNR' },
  engine: { type: 'string', describe: 'tensor engine; default the best one here (see archloom doctor)' },
} as const

interface Options {
  readonly input?: string
  readonly out?: string
  readonly frames?: number
  readonly scale?: number
  readonly steps?: number
  readonly adaptSteps?: number
  readonly measure?: boolean
  readonly engine?: string
  readonly data?: PatchDataset
  readonly log?: (text: string) => void
  /** Called with the path of every image that is written. */
  readonly onPicture?: (picture: { readonly frame: string; readonly path: string }) => void
}

const patch = 16
const batchSize = 8
/** ρ: share of a batch that are frames of the film. */
const RATIO = 0.3
/**
 * How the small film is made if the frames are the ground truth. It differs from the degradation that the network was
 * trained on.
 */
const kernel = { sigma: 1.2 }
/**
 * Maximum number of frames, spread over the film, that the network is adapted to. The others are read one at a time.
 */
const SEEN = 12

export async function main(options: Options = {}) {
  const { scale = 2, steps = 400, adaptSteps = 100, measure = false, engine = 'auto', log = console.log } = options
  const { out = 'large-frames', onPicture } = options
  await useEngine(engine)
  const work = await mkdtemp(join(tmpdir(), 'archloom-film-'))
  try {
    const { names, read, rate } = await filmOf(options, work, log)
    const shrunk = (frame: Picture) => (measure ? downscaleBlurred(frame, kernel, scale) : frame)
    const pairs: PicturePair[] = []
    for (const i of spread(names.length, SEEN)) {
      const frame = await read(i)
      const lr = shrunk(frame)
      // There are no large frames, so the targets are arbitrary: unpaired images contribute only to the dual loss.
      pairs.push(pairOf(names[i] as string, measure ? frame : upscaleBicubic(lr, scale), scale, lr))
    }
    const data = options.data ?? (await superResolutionData({ scale, patch, patches: 20 * batchSize }))
    log(`${names.length} small frames, ${pairs.length} to adapt to; pairs: ${data.name}`)

    using network = buildCompactNetwork({ scale, blocks: 3 }, { input: [patch, patch, 3], rng: seeded('network') })
    using duals = dualNetworks({ scale, rng: seeded('duals') })
    const train = async (count: number, size: number, more: DualRegressionOptions) => {
      const trainer = dualRegressionTrainer({ batchSize: size, duals, ...more })
      const paired = more.unpaired ? size - Math.round(RATIO * size) : size
      const epochs = count / Math.max(1, Math.floor(data.train.size / paired))
      for await (const _ of trainer.fit(network, data.train, { epochs, rng: seeded(`batches ${count}`) }));
    }
    const quality = async () =>
      measure ? (await upscalingQuality((lr) => network.upscale(lr, { training: false }), pairs)).psnr : undefined
    await train(steps, batchSize, { learningRate: 1e-3, dualLearningRate: 1e-2 })
    const before = await quality()
    // The same number of steps on the same pairs without the film, as a control.
    const restore = await snapshot(network, duals)
    if (measure) await train(adaptSteps, batchSize - Math.round(RATIO * batchSize), { learningRate: 3e-4 })
    const control = await quality()
    restore()
    // Algorithm 1: a part of every batch consists of frames of the film.
    const unpaired = patchSplit('train', pairs, { patch })
    await train(adaptSteps, batchSize, { learningRate: 3e-4, unpaired, unpairedRatio: RATIO })
    const after = await quality()
    if (before !== undefined && control !== undefined && after !== undefined)
      log(
        `PSNR of ${pairs.length} frames: ${before.toFixed(3)} dB before, ${after.toFixed(3)} dB adapted; ` +
          `${control.toFixed(3)} dB after as many steps without the film`,
      )

    const film = extname(out) !== ''
    const folder = film ? join(work, 'large') : out
    for (const [i, name] of names.entries()) {
      const frame = shrunk(await read(i))
      const large = await upscaleTiled({ network, reach: 8 }, frame)
      const path = join(folder, film ? `frame_${String(i + 1).padStart(6, '0')}.png` : `${name}.png`)
      await writePicture(path, large)
      onPicture?.({ frame: name, path })
      if (i > 0 && i % 24 === 0) log(`${i} of ${names.length} frames`)
      if (i > 0) continue
      const [height, width] = [Math.min(256, large.height), Math.min(256, large.width)]
      const parts = [upscaleBicubic(frame, scale), large].map((image) => crop(image, 0, 0, height, width))
      const comparison = `${film ? out.slice(0, -extname(out).length) : join(out, 'compared', name)}-compared.png`
      await writePicture(comparison, sideBySide(parts))
      onPicture?.({ frame: name, path: comparison })
      log(`${comparison}: bicubic and network`)
    }
    if (film) await assembleFrames(folder, out, { framesPerSecond: rate })
    else await saveUpscaler(join(out, 'model'), network, { kind: 'compact', options: { scale, blocks: 3 } })
    log(`${names.length} frames in ${out}`)
    return { frames: names.length, out, before, control, after }
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** Saves the present weights, and returns a function that restores them. */
async function snapshot(network: ScopedUpscalingNetwork, duals: DualNetworks): Promise<() => void> {
  const weights = await network.scope.save()
  const values = duals.trainable.map((variable) => variable.dataSync().slice())
  return () => {
    network.scope.load(weights)
    tf.tidy(() => {
      for (const [i, variable] of duals.trainable.entries())
        variable.assign(tf.tensor(values[i] as Float32Array, variable.shape))
    })
  }
}

/** At most `most` of the numbers 0 … count − 1, at equal distances. */
const spread = (count: number, most: number): readonly number[] =>
  count <= most
    ? Array.from({ length: count }, (_, i) => i)
    : Array.from({ length: most }, (_, i) => Math.floor((i * count) / most))

interface Film {
  readonly names: readonly string[]
  readonly read: (frame: number) => Promise<Picture>
  readonly rate: string
}

/** Frames of a folder or a film file, or generated ones if there is neither. */
async function filmOf({ input, frames }: Options, work: string, log: (text: string) => void): Promise<Film> {
  const root = process.env.ARCHLOOM_DATA
  const isFolder = (path: string) =>
    stat(path)
      .then((facts) => facts.isDirectory())
      .catch(() => false)
  const stock = root && join(root, 'sintel-frames')
  const from = input ?? (stock && (await isFolder(stock)) ? stock : undefined)
  if (from === undefined) {
    log('no film here: generated scenes')
    const names = Array.from({ length: frames ?? 3 }, (_, i) => `scene_${i + 1}`)
    return { names, read: async (i) => drawScene(64, 96, seeded(`frame ${i}`)), rate: '24/1' }
  }
  const folder = await isFolder(from)
  const rate = folder ? '24/1' : await frameRate(from)
  const paths = (folder ? await picturesIn(from) : await extractFrames(from, join(work, 'small'))).slice(0, frames)
  const names = paths.map((path) => basename(path, extname(path)))
  return { names, read: (i) => readPicture(paths[i] as string), rate }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
