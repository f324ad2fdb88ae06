import * as tf from '@tensorflow/tfjs-core'
import { seeded } from '../../../core/index.ts'
import {
  conv2d,
  dense,
  globalAvgPool,
  network,
  type ScopedNetwork,
  sequential,
  variableScope,
} from '../../../core/tensor/index.ts'
import type { Split } from '../../../core/trainer.ts'
import { crop, type Picture, picture, resizeBicubic } from '../../../evaluators/data/images/index.ts'
import {
  type ImageSplit,
  imageSplit,
  type LabelledImages,
  labelledImages,
  mnist,
  symmetric,
  unpairedSplit,
  usps,
} from '../../../evaluators/data/index.ts'
import { examplesOf, pictureGrid } from '../../../evaluators/metrics/generative/index.ts'
import { classify } from '../../../evaluators/metrics/index.ts'
import { cosine, supervisedTrainer } from '../../../evaluators/training/index.ts'
import { convolutionalJointNetwork } from '../convolutional-network.ts'
import { type JointNetwork, otherSide, type Side, translate } from '../joint-network.ts'
import { type JointObjective, objectives } from '../objective.ts'
import { heldThenLinear, jwdmTrainer } from '../trainer.ts'
import type { RunContext } from './toy.ts'

export interface DigitsPlan {
  /** Training images of each domain, for translation and for the classifiers. */
  readonly train: number
  /** Test images of each domain. */
  readonly test: number
  readonly classifierEpochs: number
  readonly steps: number
  readonly batch: number
  readonly features: number
  readonly halvings: number
  readonly blocks: number
  readonly learningRate: number
  readonly seeds: number
}

const SIDE = 16
/** The middle of MNIST's images: digits become about as large as those of USPS, which fill their images. */
const MIDDLE = 24

/** Images of [28, 28, 1] cut to their middle and brought to [16, 16, 1]. */
export function toUspsSize(images: LabelledImages): LabelledImages {
  const { count, height, width, classes, labels } = images
  const margin = Math.floor((height - MIDDLE) / 2)
  const pixels = new Uint8Array(count * SIDE * SIDE)
  for (let i = 0; i < count; i++) {
    const own = images.pixels.subarray(i * height * width, (i + 1) * height * width)
    const middle = crop(picture(height, width, 1, own), margin, margin, MIDDLE, MIDDLE)
    const shape = { height: SIDE, width: SIDE, scale: SIDE / MIDDLE, border: 'replicate', roundBetween: false } as const
    pixels.set(resizeBicubic(middle, shape).pixels, i * SIDE * SIDE)
  }
  return labelledImages({ height: SIDE, width: SIDE, channels: 1, classes, pixels, labels })
}

/** MNIST (x) and USPS (y) as images of one size with values in [−1, 1]. */
export interface Digits {
  readonly train: Readonly<Record<Side, ImageSplit<'train'>>>
  readonly validation: Readonly<Record<Side, ImageSplit<'validation'>>>
  readonly test: Readonly<Record<Side, ImageSplit<'test'>>>
}

export async function loadDigits(
  { train, test }: Pick<DigitsPlan, 'train' | 'test'>,
  { data, signal }: { data?: string | undefined; signal: AbortSignal },
): Promise<Digits> {
  const environment = data === undefined ? process.env : { ...process.env, ARCHLOOM_DATA: data }
  const options = { environment, trainSize: train, testSize: test, validation: Math.min(1000, train), signal }
  const [x, y] = [await mnist(options), await usps(options)]
  const normalisation = symmetric(1)
  const part = <R extends 'train' | 'validation' | 'test'>(
    role: R,
    split: ImageSplit,
    shrink: boolean,
  ): ImageSplit<R> => {
    const chosen = only(split)
    return imageSplit(role, shrink ? toUspsSize(chosen) : chosen, { normalisation })
  }
  const both = <R extends 'train' | 'validation' | 'test'>(role: R) => ({
    x: part(role, x[role], true),
    y: part(role, y[role], false),
  })
  return { train: both('train'), validation: both('validation'), test: both('test') }
}

/** A split's own images, copied out of the set that it is a part of. */
function only({ images, indices }: ImageSplit): LabelledImages {
  const bytes = images.height * images.width * images.channels
  const pixels = new Uint8Array(indices.length * bytes)
  for (const [i, index] of indices.entries())
    pixels.set(images.pixels.subarray(index * bytes, (index + 1) * bytes), i * bytes)
  return { ...images, count: indices.length, pixels, labels: indices.map((index) => images.labels[index] as number) }
}

/** A small convolutional classifier of a domain, trained on its labels. Translation does not use it. */
export async function digitClassifier(
  train: Split<'train'>,
  epochs: number,
  { seed, signal }: { seed: number; signal: AbortSignal },
): Promise<ScopedNetwork> {
  const scope = variableScope({ rng: seeded(seed).fork('classifier') })
  const widths = [1, 16, 32, 32]
  const layers = widths.slice(1).flatMap((filters, i) => {
    const own = scope.child(`layer_${i}`)
    const shape = { inputChannels: widths[i] as number, filters, kernel: 3, stride: i === 0 ? 1 : 2 }
    return [conv2d(own, shape), own.child('norm').normalise(filters, { relu: true })]
  })
  const head = dense(scope.child('head'), { inputs: widths.at(-1) as number, units: 10 })
  const apply = sequential(...layers, globalAvgPool(), head)
  const classifier = network({ scope, inputShape: [SIDE, SIDE, 1], outputShape: [10], apply })
  const trainer = supervisedTrainer({ batchSize: 64, optimizer: 'adam', learningRate: cosine({ peak: 5e-3 }) })
  for await (const _ of trainer.fit(classifier, train, { epochs, rng: seeded(seed).fork('training'), signal }));
  return classifier
}

export const digitMethods: Readonly<Record<string, JointObjective>> = {
  'CycleGAN-style': objectives.cycleGan,
  'UNIT-style': objectives.unit,
  JWDM: objectives.jwdm,
}

/** A split whose images are translated; labels are those of the originals. */
export function translated<R extends 'validation' | 'test'>(
  network: JointNetwork,
  from: Side,
  split: ImageSplit<R>,
): Split<R> {
  return {
    role: split.role,
    size: split.size,
    inputShape: network.domains[otherSide(from)].shape,
    classes: split.classes,
    *batches(options) {
      for (const { inputs, targets } of split.batches(options)) {
        const made = tf.tidy(() => translate(network, from, inputs))
        inputs.dispose()
        yield { inputs: made, targets }
      }
    },
  }
}

/** Four rows of `count` images: those of MNIST and what they become, then those of USPS and what they become. */
export function translationPicture(
  network: JointNetwork,
  parts: Readonly<Record<Side, ImageSplit>>,
  count = 20,
): Picture {
  const rows = (['x', 'y'] as const).flatMap((from) => {
    const originals = examplesOf(parts[from], count)
    const shape = network.domains[from].shape
    return tf.tidy(() => {
      const made = translate(network, from, tf.tensor(originals, [count, ...shape]))
      return [originals, made.dataSync() as Float32Array] as unknown as tf.TensorContainer
    }) as unknown as Float32Array[]
  })
  const images = new Float32Array(rows.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const row of rows) {
    images.set(row, at)
    at += row.length
  }
  return pictureGrid(images, network.domains.x.shape, { columns: count, enlarge: 2 })
}

export interface DigitsRun {
  readonly method: string
  readonly seed: number
  /** Share of translated test images that the classifier of the other domain takes for their digit. */
  readonly mnistToUsps: number
  readonly uspsToMnist: number
}

export type Classifiers = Readonly<Record<Side, ScopedNetwork>>

export async function trainDigits(
  digits: Digits,
  method: string,
  plan: DigitsPlan,
  { seed, log, signal }: RunContext & { seed: number },
): Promise<JointNetwork> {
  const { features, halvings, blocks, steps, batch: batchSize } = plan
  const rng = seeded(`digits ${seed}`)
  const shape = [SIDE, SIDE, 1]
  const size = { features, halvings, blocks, kernel: 5, criticHalvings: 2 }
  const joint = convolutionalJointNetwork({ x: shape, y: shape, ...size, rng: rng.fork('weights') })
  const data = unpairedSplit('train', digits.train.x, digits.train.y)
  const objective = digitMethods[method] as JointObjective
  const learningRate = heldThenLinear(plan.learningRate)
  const trainer = jwdmTrainer({ objective, batchSize, learningRate, reportEvery: Math.max(1, Math.floor(steps / 4)) })
  const epochs = steps / Math.floor(data.size / batchSize)
  for await (const { step, metrics } of trainer.fit(joint, data, { epochs, rng: rng.fork('training'), signal })) {
    const parts = Object.entries(metrics).map(([name, value]) => `${name} ${value.toPrecision(3)}`)
    log(`digits, seed ${seed}, ${method}, step ${step}: ${parts.join(', ')}`)
  }
  return joint
}

/** Accuracies of both directions, of the classifiers on translated images. */
export async function scoreDigits<R extends 'validation' | 'test'>(
  joint: JointNetwork,
  classifiers: Classifiers,
  parts: Readonly<Record<Side, ImageSplit<R>>>,
  signal: AbortSignal,
): Promise<Pick<DigitsRun, 'mnistToUsps' | 'uspsToMnist'>> {
  const score = async (from: Side) =>
    (await classify(classifiers[otherSide(from)], translated(joint, from, parts[from]), { signal })).accuracy
  return { mnistToUsps: await score('x'), uspsToMnist: await score('y') }
}

/** Accuracies of the classifiers: in their own domain, and on images of the other one as they are. */
export interface DigitsReference {
  readonly own: Readonly<Record<Side, number>>
  /** By the direction: x is MNIST images before the classifier of USPS. */
  readonly untranslated: Readonly<Record<Side, number>>
}

export async function referenceDigits(
  classifiers: Classifiers,
  { test }: Digits,
  signal: AbortSignal,
): Promise<DigitsReference> {
  const of = async (classifier: Side, images: Side) =>
    (await classify(classifiers[classifier], test[images], { signal })).accuracy
  return {
    own: { x: await of('x', 'x'), y: await of('y', 'y') },
    untranslated: { x: await of('y', 'x'), y: await of('x', 'y') },
  }
}
