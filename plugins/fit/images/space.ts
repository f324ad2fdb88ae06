import { type Infer, oneOf, product, real } from '../../../core/index.ts'
import type { Augmentation } from '../../../evaluators/data/index.ts'
import { convnetDecisions } from '../../../search-spaces/convnet/index.ts'

/** Random changes of training images, by the size of the image. */
export const augmentations = ['none', 'flip', 'crop', 'crop+cutout', 'crop+flip', 'crop+flip+cutout'] as const
export type AugmentationName = (typeof augmentations)[number]

/** Pixels in proportion to the image: a crop moves it by an eighth of its side, a cutout hides a quarter of its side. */
export function augmentationOf(name: AugmentationName, side: number): Augmentation | undefined {
  if (name === 'none') return undefined
  return {
    ...(name.includes('crop') && { crop: { padding: Math.max(1, Math.round(side / 8)) } }),
    flip: name.includes('flip'),
    ...(name.includes('cutout') && { cutout: Math.max(1, Math.round(side / 4)) }),
  }
}

/** How a network is trained, beside what it is. */
const trainingDecisions = (flip: boolean) =>
  product({
    learningRate: real(0.02, 0.3, { scale: 'log' }),
    weightDecay: oneOf(1e-4, 5e-4, 2e-3),
    labelSmoothing: oneOf(0, 0.1),
    augment: oneOf(...augmentations.filter((name) => flip || !name.includes('flip'))),
  })

export interface ImageSpaceOptions {
  /** Height and width of the images; the smaller side decides how often they are halved. */
  readonly side: number
  /** Whether a mirrored image keeps its class. */
  readonly flip: boolean
  /** Passes over the training images that the budget allows. Below 20 the networks train without crops and cutout. */
  readonly epochs?: number
}

/** Crops and cutout delay learning, and pay only after about this many passes over the training images. */
const LONG = 20
/** With so many passes over the training images, and with fewer, other networks are worth a trial. */
const FEW = 15

/** As many halvings as leave about eight pixels. */
export const stagesFor = (side: number): number => Math.min(5, Math.max(1, Math.round(Math.log2(side / 8)) + 1))
/** One halving more, to about four pixels: most of the computation is then done on few positions and many channels. */
export const mostStagesFor = (side: number): number => Math.min(5, stagesFor(side) + 1)
/** The stages that a search chooses among. */
export const stageRange = (side: number) => ({ min: stagesFor(side), max: mostStagesFor(side) })

/** Network and training of an image classifier: one space, so that one search chooses both. */
export const imageDecisions = ({ side, flip }: ImageSpaceOptions) =>
  product({
    network: convnetDecisions({
      widths: [4, 8, 16, 24, 32, 48, 64],
      stages: stageRange(side),
      maxDepth: 3,
      kernels: [3, 5],
    }),
    training: trainingDecisions(flip),
  })

export type ImageArchitecture = Infer<ReturnType<typeof imageDecisions>>

/** The part of a candidate that differs from the network made by hand. */
interface Variation {
  readonly width?: number
  readonly form?: 'plain' | 'residual'
  /** Halves the image once more often. */
  readonly deep?: boolean
  readonly depths?: readonly number[]
  readonly kernel?: number
  readonly labelSmoothing?: 0 | 0.1
  readonly learningRate?: number
  /** No cutout. */
  readonly mild?: boolean
}

function made(
  { side, flip, epochs = LONG }: ImageSpaceOptions,
  { width = 16, form = 'plain', deep = false, depths = [2], kernel = 3, ...rest }: Variation,
): ImageArchitecture {
  return {
    network: {
      width,
      form,
      stages: Array.from({ length: deep ? mostStagesFor(side) : stagesFor(side) }, (_, i) => ({
        depth: depths[i] ?? depths.at(-1)!,
        kernel,
      })),
      normalisation: 'batch-norm',
      reduction: 'max',
      head: 'mean',
    },
    training: {
      learningRate: rest.learningRate ?? 0.1,
      weightDecay: 5e-4,
      labelSmoothing: rest.labelSmoothing ?? 0,
      augment: epochs < LONG ? (flip ? 'flip' : 'none') : longAugmentation(flip, rest.mild),
    },
  }
}

const longAugmentation = (flip: boolean, mild = false): AugmentationName =>
  mild ? (flip ? 'crop+flip' : 'crop') : flip ? 'crop+flip+cutout' : 'crop+cutout'

/** The network made by hand: two 3×3 convolutions of 16, 32, 64 … channels between poolings. Search must beat it. */
export const handMade = (options: ImageSpaceOptions): ImageArchitecture => made(options, {})

/** Where the budget allows few passes: networks that learn most from each second. */
const quick: readonly Variation[] = [
  { deep: true, depths: [1], learningRate: 0.2 },
  { width: 24, deep: true, depths: [1], learningRate: 0.2 },
  { deep: true, depths: [1, 1, 2], learningRate: 0.2 },
  { width: 24, depths: [1, 1, 2] },
]

/** Where it allows many: networks that go on learning for longer. */
const lasting: readonly Variation[] = [
  { width: 24, deep: true, depths: [1], labelSmoothing: 0.1, mild: true },
  { width: 32, deep: true, depths: [1], labelSmoothing: 0.1, mild: true },
  { width: 24, deep: true, depths: [1, 1, 2], labelSmoothing: 0.1 },
  { width: 32, deep: true, depths: [1], labelSmoothing: 0.1 },
  { width: 32, depths: [1, 2], labelSmoothing: 0.1 },
  { width: 24, form: 'residual', depths: [1, 2], labelSmoothing: 0.1 },
]

/** For limits that allow nothing else. */
const small: readonly Variation[] = [
  { width: 8, deep: true, depths: [1] },
  { width: 8, depths: [2] },
  { width: 4, depths: [1] },
]

/** Networks worth a trial on any images, the one made by hand first. A search goes on from the best of them. */
export const portfolio = (options: ImageSpaceOptions): readonly ImageArchitecture[] =>
  [{}, ...((options.epochs ?? LONG) < FEW ? quick : lasting), ...small].map((variation) => made(options, variation))
