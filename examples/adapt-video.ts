// Adapts a network to a film of which only small frames exist, and enlarges the frames. Takes a folder of frames
// (default: sintel-frames in ARCHLOOM_DATA) or, where ffmpeg is installed, a film file. With --measure the frames
// count as the truth: a small film is made of them by blurring and thinning, and PSNR is told before and after.
//     npx archloom run examples/adapt-video.ts --input film.mp4 --out large.mp4
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { seeded } from 'archloom'
import {
  blur,
  crop,
  downscaleNearest,
  drawScene,
  gaussianKernel,
  type PatchDataset,
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
import { type DualRegressionOptions, dualNetworks, dualRegressionTrainer } from 'archloom/plugins/drn'
import { buildCompactNetwork } from 'archloom/search-spaces/super-resolution'
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
  /** Told the path of every picture that is written. */
  readonly onPicture?: (picture: { readonly frame: string; readonly path: string }) => void
}

const patch = 16
const batchSize = 8
/** How the small film is made when frames count as the truth: not the degradation that the network learnt on. */
const kernel = gaussianKernel({ sigma: 1.2 })

export async function main(options: Options = {}) {
  const { scale = 2, steps = 400, adaptSteps = 100, measure = false, engine = 'auto', log = console.log } = options
  const { out = 'large-frames', onPicture } = options
  await useEngine(engine)
  const work = await mkdtemp(join(tmpdir(), 'archloom-film-'))
  try {
    const { names, pictures, rate } = await framesOf(options, work, log)
    const small = measure ? pictures.map((frame) => downscaleNearest(blur(frame, kernel), scale)) : pictures
    // Without large frames any target will do: unpaired images take part in the dual loss only.
    const pairs = small.map((lr, i) => {
      const hr = measure ? (pictures[i] as (typeof pictures)[number]) : upscaleBicubic(lr, scale)
      return pairOf(names[i] as string, hr, scale, lr)
    })
    const data = options.data ?? (await superResolutionData({ scale, patch, patches: 20 * batchSize }))
    log(`${small.length} small frames; pairs: ${data.name}`)

    using network = buildCompactNetwork({ scale, blocks: 3 }, { input: [patch, patch, 3], rng: seeded('network') })
    using duals = dualNetworks({ scale, rng: seeded('duals') })
    const train = async (count: number, more: DualRegressionOptions) => {
      const paired = more.unpaired ? batchSize - Math.round(0.3 * batchSize) : batchSize
      const trainer = dualRegressionTrainer({ batchSize, duals, ...more })
      const epochs = count / Math.max(1, Math.floor(data.train.size / paired))
      for await (const _ of trainer.fit(network, data.train, { epochs, rng: seeded(`batches ${count}`) }));
    }
    const quality = () => upscalingQuality((lr) => network.upscale(lr, { training: false }), pairs)
    await train(steps, { learningRate: 1e-3, dualLearningRate: 1e-2 })
    const before = measure ? await quality() : undefined
    // Algorithm 1: three images of ten are frames of the film.
    await train(adaptSteps, { learningRate: 3e-4, unpaired: patchSplit('train', pairs, { patch }), unpairedRatio: 0.3 })
    const after = measure ? await quality() : undefined
    if (before && after)
      log(`PSNR of the frames: ${before.psnr.toFixed(3)} dB before, ${after.psnr.toFixed(3)} dB after adaptation`)

    const film = extname(out) !== ''
    const folder = film ? join(work, 'large') : out
    const written: string[] = []
    for (const [i, frame] of small.entries()) {
      const large = await upscaleTiled({ network, reach: 8 }, frame)
      const path = join(folder, film ? `frame_${String(i + 1).padStart(6, '0')}.png` : `${names[i]}.png`)
      await writePicture(path, large)
      written.push(path)
      onPicture?.({ frame: names[i] as string, path })
      if (i > 0) continue
      const [height, width] = [Math.min(256, large.height), Math.min(256, large.width)]
      const parts = [upscaleBicubic(frame, scale), large].map((image) => crop(image, 0, 0, height, width))
      const comparison = `${film ? out.slice(0, -extname(out).length) : join(out, 'compared', String(names[i]))}-compared.png`
      await writePicture(comparison, sideBySide(parts))
      onPicture?.({ frame: names[i] as string, path: comparison })
      log(`${comparison}: bicubic and network`)
    }
    if (film) await assembleFrames(folder, out, { framesPerSecond: rate })
    else await saveUpscaler(join(out, 'model'), network, { kind: 'compact', options: { scale, blocks: 3 } })
    log(`${written.length} frames in ${out}`)
    return { frames: written.length, out, before: before?.psnr, after: after?.psnr }
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** Frames of a folder or a film file; generated ones where there is neither. */
async function framesOf({ input, frames }: Options, work: string, log: (text: string) => void) {
  const root = process.env.ARCHLOOM_DATA
  const isFolder = (path: string) =>
    stat(path)
      .then((facts) => facts.isDirectory())
      .catch(() => false)
  const stock = root && join(root, 'sintel-frames')
  const from = input ?? (stock && (await isFolder(stock)) ? stock : undefined)
  if (from === undefined) {
    log('no film here: generated scenes')
    const count = frames ?? 3
    const pictures = Array.from({ length: count }, (_, i) => drawScene(64, 96, seeded(`frame ${i}`)))
    return { names: pictures.map((_, i) => `scene_${i + 1}`), pictures, rate: '24/1' }
  }
  const folder = await isFolder(from)
  const rate = folder ? '24/1' : await frameRate(from)
  const paths = (folder ? await picturesIn(from) : await extractFrames(from, join(work, 'small'))).slice(0, frames)
  const pictures = await Promise.all(paths.map(readPicture))
  return { names: paths.map((path) => basename(path, extname(path))), pictures, rate }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
