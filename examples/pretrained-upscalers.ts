// Trains the networks that `archloom upscale` uses without --model. The README of evaluators/upscaling/pretrained names
// the images, their licences and the commands.
//     npx archloom run examples/pretrained-upscalers.ts --images images --steps 10000 --out models/x2
//     npx archloom run examples/pretrained-upscalers.ts --images images --scale 3 --from models/x2 --out models/x3
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { seeded } from 'archloom'
import {
  crop,
  generatedPairs,
  type Picture,
  type PicturePair,
  pairOf,
  patchSplit,
  picturesIn,
  readPicture,
  resizeImage,
} from 'archloom/evaluators/data/images'
import { upscalingQuality } from 'archloom/evaluators/metrics'
import { saveUpscaler } from 'archloom/evaluators/upscaling'
import { dualRegressionTrainer } from 'archloom/plugins/drn'
import { bicubicUpsampling, buildCompactNetwork } from 'archloom/search-spaces/super-resolution'
import { readSafetensors, useEngine } from 'archloom/tensor'

export const flags = {
  images: { type: 'string', describe: 'folder of the images to train on; default images' },
  scale: { type: 'number', describe: '2, 3 or 4; default 2' },
  steps: { type: 'number', describe: 'training steps; default 6000' },
  from: { type: 'string', describe: 'model folder of another scale whose body training continues from' },
  out: { type: 'string', describe: 'folder of the model; default models/x2 (or the scale)' },
} as const

interface Options {
  readonly images?: string
  readonly scale?: number
  readonly steps?: number
  readonly from?: string
  readonly out?: string
  readonly engine?: string
  readonly log?: (text: string) => void
}

const BATCH = 16
const PATCH = 24
/** Steps between two changes of the learning rate, and between two saves. */
const EPOCH = 100
const SAVE = 1000
const NETWORK = { features: 32, blocks: 5 } as const
/** Rows at the bottom of each image that are held out, in pixels. */
const HELD = 96
/** Each image is also used at these sizes, which have more detail per pixel. JPEG files are only used smaller. */
const SIZES = [1, 0.7, 0.5] as const

/** The rows that are trained on, at several sizes, and a part of the held-out rows. */
async function partsOf(path: string): Promise<{ readonly train: readonly Picture[]; readonly held: Picture }> {
  const image = await readPicture(path)
  const { height, width } = image
  const upper = crop(image, 0, 0, height - HELD, width)
  const sizes = /\.jpe?g$/i.test(path) ? SIZES.slice(1) : SIZES
  const train = sizes.map((size) =>
    resizeImage(upper, { height: Math.round(upper.height * size), width: Math.round(width * size) }),
  )
  return {
    train: train.filter((each) => Math.min(each.height, each.width) >= 4 * PATCH),
    held: crop(image, height - HELD, Math.floor((width - 2 * HELD) / 2), HELD, 2 * HELD),
  }
}

export async function main(options: Options = {}) {
  const { images = 'images', scale = 2, steps = 6000, from, out = join('models', `x${scale}`) } = options
  const { engine = 'auto', log = console.log } = options
  const rng = seeded(1)
  const { name, version, threads } = await useEngine(engine)
  log(`engine ${name} ${version}, threads ${threads ?? 1}`)
  const paths = await picturesIn(images)
  const parts = await Promise.all(paths.map(partsOf))
  const pairsOf = (pictures: readonly Picture[]): PicturePair[] =>
    pictures.map((each, i) => pairOf(`image ${i}`, each, scale))
  const scenes = generatedPairs(12, { scale, size: 192, seed: 1 })
  const train = [...pairsOf(parts.flatMap((part) => part.train)), ...scenes]
  const held = pairsOf(parts.map((part) => part.held))
  log(`${paths.length} images, ${train.length} training pairs, ${held.length} held-out crops`)

  using network = buildCompactNetwork({ scale, ...NETWORK }, { input: [PATCH, PATCH, 3], rng: rng.fork('weights') })
  if (from !== undefined) {
    const { weights } = await readSafetensors(join(from, 'weights.safetensors'))
    network.scope.load(
      weights.filter((weight) => !weight.name.startsWith('last/')),
      { partial: true },
    )
  }
  const bicubic = bicubicUpsampling({ factor: scale })
  const still = { training: false } as const
  const baseline = await upscalingQuality((lr) => bicubic(lr, still), held)
  log(`held-out crops: bicubic ${baseline.psnr.toFixed(2)} dB`)
  const split = patchSplit('train', train, { patch: PATCH, patches: EPOCH * BATCH })
  const trainer = dualRegressionTrainer({ dualWeight: 0, batchSize: BATCH, learningRate: 1e-3, reportEvery: EPOCH })
  const save = (notes: Readonly<Record<string, string | number>>) =>
    saveUpscaler(out, network, {
      kind: 'compact',
      options: { scale, ...NETWORK },
      reach: 12,
      notes,
      precision: 'float16',
    })
  let measured = baseline.psnr
  for await (const { step, metrics } of trainer.fit(network, split, {
    epochs: steps / EPOCH,
    rng: rng.fork('training'),
  })) {
    if (step % SAVE !== 0 && step !== steps) continue
    const quality = await upscalingQuality((lr) => network.upscale(lr, still), held)
    measured = quality.psnr
    const seconds = process.cpuUsage().user / 1e6
    log(`step ${step}: L1 ${metrics.loss?.toFixed(3)}, held-out ${measured.toFixed(3)} dB, ${seconds.toFixed(0)} s`)
    await save({ steps: step, heldOutPsnr: measured, heldOutBicubicPsnr: baseline.psnr })
  }
  return { model: out, psnr: measured, bicubic: baseline.psnr }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
