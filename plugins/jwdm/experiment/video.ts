import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs-core'
import { type Random, seeded } from '../../../core/index.ts'
import { drawScene, type Picture, picture, writePicture } from '../../../evaluators/data/images/index.ts'
import { readFrames } from '../../../evaluators/data/index.ts'
import { dataDirectory } from '../../../evaluators/data/places.ts'
import { exists } from '../../../evaluators/data/read-bytes.ts'
import { nextTurn } from '../../../evaluators/training/batches.ts'
import { convolutionalJointNetwork } from '../convolutional-network.ts'
import { interpolate } from '../interpolate.ts'
import { interpolationGap } from '../joint-law.ts'
import { type JointNetwork, translate } from '../joint-network.ts'
import { type JointObjective, objectives } from '../objective.ts'
import { heldThenLinear, jointSteps } from '../trainer.ts'
import type { RunContext } from './toy.ts'

export interface VideoPlan {
  readonly height: number
  readonly width: number
  /** Side of the patches that are trained on. */
  readonly patch: number
  readonly batch: number
  readonly steps: number
  readonly features: number
  readonly halvings: number
  readonly blocks: number
  readonly learningRate: number
  /** Frames of the strip between the two given ones. */
  readonly between: number
  readonly seeds: number
}

/** Turns an image into one by night: darker, and redder pixels more so. The order of brightness values is kept. */
export function night({ height, width, channels, pixels }: Picture): Picture {
  const tones = [0.5, 0.65, 1].map((tone, channel) =>
    Uint8Array.from({ length: 256 }, (_, value) => Math.round(255 * tone * (value / 255) ** (1.5 - 0.25 * channel))),
  )
  return picture(
    height,
    width,
    channels,
    pixels.map((value, i) => (tones[i % 3] as Uint8Array)[value] as number),
  )
}

export interface Film {
  readonly name: string
  readonly frames: readonly Picture[]
}

/** Ten frames of the Sintel film where they are found, else a drawn scene that is panned over. */
export async function loadFilm({ height, width }: VideoPlan, data: string | undefined): Promise<Film> {
  const environment = data === undefined ? process.env : { ...process.env, ARCHLOOM_DATA: data }
  const root = await dataDirectory(environment)
  const folder = root && join(root, 'sintel-frames')
  if (folder && (await exists(folder)))
    return { name: 'Sintel', frames: await readFrames(folder, { resize: { height, width }, limit: 10 }) }
  const scene = drawScene(height, width + 36, seeded('film'))
  const frames = Array.from({ length: 10 }, (_, k) => {
    const pixels = new Uint8Array(height * width * 3)
    for (let y = 0; y < height; y++) {
      const from = 3 * (y * scene.width + 4 * k)
      pixels.set(scene.pixels.subarray(from, from + 3 * width), 3 * y * width)
    }
    return picture(height, width, 3, pixels)
  })
  return { name: 'a drawn pan', frames }
}

const tensorOf = ({ height, width, pixels }: Picture) =>
  tf.tensor4d(
    Float32Array.from(pixels, (value) => value / 127.5 - 1),
    [1, height, width, 3],
  )

/** Patches of frames, mirrored at random, in [−1, 1]. */
function patches(frames: readonly Picture[], { batch, patch }: VideoPlan, rng: Random): tf.Tensor4D {
  const values = new Float32Array(batch * patch * patch * 3)
  let to = 0
  for (let i = 0; i < batch; i++) {
    const { height, width, pixels } = rng.pick(frames)
    const [top, left, mirrored] = [rng.int(height - patch + 1), rng.int(width - patch + 1), rng.int(2) === 1]
    for (let y = 0; y < patch; y++)
      for (let x = 0; x < patch; x++) {
        const from = 3 * ((top + y) * width + left + (mirrored ? patch - 1 - x : x))
        for (let c = 0; c < 3; c++) values[to++] = pixels[from + c]! / 127.5 - 1
      }
  }
  return tf.tensor4d(values, [batch, patch, patch, 3])
}

export interface VideoRun {
  readonly method: string
  readonly seed: number
  /** PSNR in dB of the decoded middle frame against the film's own, in its domain. */
  readonly inDomain: number
  /** PSNR in dB of the translated middle frame against the film's own by night. */
  readonly translated: number
  /** The same of a translation of the film's own middle frame: what translation alone costs. */
  readonly known: number
  /** PSNR in dB of the mean of the two given frames, translated: interpolation before translation. */
  readonly blended: number
  /** Mean difference between the two ways to the translated middle frame, in grey levels of 255. */
  readonly gap: number
}

/** The joint objective and its baselines. All decode interpolated codes; CycleGAN-style losses do not train that. */
export const videoMethods: Readonly<Record<string, JointObjective>> = {
  'CycleGAN-style': objectives.cycleGan,
  'UNIT-style': objectives.unit,
  JWDM: objectives.jwdm,
}

/**
 * Trains on patches of day frames 0–2 and night frames 6–9, unpaired, and interpolates between day frames 3 and 5: frame
 * 4 by day and by night is the truth that no training saw.
 */
export async function videoRun(
  film: Film,
  method: string,
  plan: VideoPlan,
  { seed, log, signal, pictures }: RunContext & { seed: number; pictures?: string },
): Promise<VideoRun> {
  const { features, halvings, blocks, patch, steps, height, width } = plan
  const rng = seeded(`film ${seed}`)
  const day = film.frames.slice(0, 3)
  const nights = film.frames.slice(6, 10).map(night)
  const size = { features, halvings, blocks, kernel: 5, criticHalvings: 2 }
  const shape = (h: number, w: number) => ({ x: [h, w, 3], y: [h, w, 3], ...size, rng: rng.fork('weights') })
  using joint = convolutionalJointNetwork(shape(patch, patch))
  const rate = heldThenLinear(plan.learningRate)
  using training = jointSteps(joint, {
    objective: videoMethods[method] as JointObjective,
    learningRate: rate(0, steps),
  })
  const draws = rng.fork('patches')
  for (let step = 0; step < steps; step++) {
    training.learningRate = rate(step, steps)
    const [x, y] = [patches(day, plan, draws), patches(nights, plan, draws)]
    training.step(x, y, draws)
    tf.dispose([x, y])
    await nextTurn()
    signal.throwIfAborted()
  }
  // The same weights are used for whole frames, because convolutions work at any size.
  using whole = convolutionalJointNetwork(shape(height, width))
  whole.scope.load(await joint.scope.save())
  const found = measure(whole, film)
  log(
    `${film.name}, seed ${seed}, ${method}: middle frame ${found.inDomain.toFixed(2)} dB by day, ${found.translated.toFixed(2)} dB by night (${found.blended.toFixed(2)} dB when blended before, ${found.known.toFixed(2)} dB when known), the two ways differ by ${found.gap.toFixed(2)} levels`,
  )
  if (pictures) {
    const path = join(pictures, `video-${method.toLowerCase().replace(/[^a-z]+/g, '-')}-${seed}.png`)
    await writePicture(path, strip(whole, film, plan.between))
    log(`strip: ${path}`)
  }
  return { method, seed, ...found }
}

const decibels = (a: tf.Tensor, b: tf.Tensor) =>
  -10 * Math.log10((tf.mean(tf.square(tf.sub(a, b))).dataSync()[0] as number) / 4)

function measure(network: JointNetwork, { frames }: Film): Omit<VideoRun, 'method' | 'seed'> {
  return tf.tidy(() => {
    const [begin, middle, end] = [3, 4, 5].map((k) => tensorOf(frames[k] as Picture)) as [
      tf.Tensor,
      tf.Tensor,
      tf.Tensor,
    ]
    const truth = tensorOf(night(frames[4] as Picture))
    const { source, translated, codes } = interpolate(network, 'x', { begin, end, frames: 1 })
    const blend = tf.mul(tf.add(begin, end), 0.5)
    return {
      inDomain: decibels(tf.slice(source, 1, 1), middle),
      translated: decibels(tf.slice(translated, 1, 1), truth),
      known: decibels(translate(network, 'x', middle), truth),
      blended: decibels(translate(network, 'x', blend), truth),
      gap: 127.5 * interpolationGap(network, tf.slice(codes, 1, 1)),
    }
  })
}

/** Two rows: the frames by day, the first and last as given, and what they become by night. */
export function strip(network: JointNetwork, { frames }: Film, between: number): Picture {
  const { height, width } = frames[0] as Picture
  const values = tf.tidy(() => {
    const [begin, end] = [tensorOf(frames[3] as Picture), tensorOf(frames[5] as Picture)]
    const { source, translated } = interpolate(network, 'x', { begin, end, frames: between })
    const row = (video: tf.Tensor) => tf.reshape(tf.transpose(video, [1, 0, 2, 3]), [height, (between + 2) * width, 3])
    return tf.concat([row(source), row(translated)]).dataSync()
  })
  const bytes = Uint8ClampedArray.from(values, (value) => 127.5 * (value + 1))
  return picture(2 * height, (between + 2) * width, 3, new Uint8Array(bytes.buffer))
}
