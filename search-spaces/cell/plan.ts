import { among, flag, list, number, optionsFor, value, whole } from '../../core/options/index.ts'
import {
  countClassifier,
  countConvolution,
  countInSequence,
  countNorm,
  type ImageShape,
  imageShape,
  type LayerCost,
} from '../operations/cost.ts'
import { type NormalisationOption, normalisationField } from '../operations/normalisation.ts'
import { type CellOperationName, type CellOptions, cellDefaults } from './space.ts'

/** Options of the network around the cells, defaults filled in. */
export type CellSkeletonOptions = Required<
  Pick<CellOptions, 'nodes' | 'channels' | 'cells' | 'reductions' | 'stem' | 'stemMultiplier' | 'auxiliary'>
>

/** One cell in its place. */
export interface CellPlace {
  readonly index: number
  readonly reduction: boolean
  /** The cell before last has twice the height and width: its output is brought down by a factorised reduction. */
  readonly reducesFirst: boolean
  /** Outputs of the two cells before. */
  readonly inputs: readonly [ImageShape, ImageShape]
  /** States 0 and 1, after preprocessing. */
  readonly state: ImageShape
  /** Every intermediate node. */
  readonly node: ImageShape
  /** All nodes side by side. */
  readonly output: ImageShape
}

/** Shapes of a whole network, the same for every architecture of a space. */
export interface CellPlan {
  readonly options: CellSkeletonOptions
  readonly input: ImageShape
  readonly cells: readonly CellPlace[]
  /** Cell after which the auxiliary classifier sits. */
  readonly auxiliaryAfter: number
  readonly classes: number
}

const declared = optionsFor<CellOptions & NormalisationOption>()('cellSpace', {
  nodes: whole({ min: 1, default: cellDefaults.nodes }),
  operations: list(value<CellOperationName>('the name of an operation'), { min: 1, default: cellDefaults.operations }),
  distinctInputs: flag({ default: false }),
  channels: whole({ min: 1, default: cellDefaults.channels }),
  cells: whole({ min: 1, default: cellDefaults.cells }),
  reductions: list(whole({ min: 0 }), { absent: '⌊cells / 3⌋ and ⌊2·cells / 3⌋' }),
  stem: among(['cifar', 'imagenet'], { default: 'cifar' }),
  stemMultiplier: whole({ min: 1, default: cellDefaults.stemMultiplier }),
  auxiliary: number({ min: 0, default: 0 }),
  ...normalisationField,
})

/** Fill in defaults and refuse what no network can be built of. Error: ARCHLOOM_OPTION. */
export function skeletonOptions(options: CellOptions): CellSkeletonOptions {
  const { nodes, channels, cells, stem, stemMultiplier, auxiliary } = declared.read(options) as Required<CellOptions>
  const { reductions = [Math.floor(cells / 3), Math.floor((2 * cells) / 3)] } = options
  if (reductions.some((index) => index >= cells))
    throw declared.refuse('reductions', reductions, `positions from 0 to ${cells - 1}`)
  if (stem === 'imagenet' && channels % 2 !== 0)
    throw declared.refuse(
      'channels',
      channels,
      'an even number with the imagenet stem, whose first convolution has half of them',
    )
  return { nodes, channels, cells, reductions, stem, stemMultiplier, auxiliary }
}

const halved = ({ height, width }: ImageShape, channels: number): ImageShape => ({
  height: Math.ceil(height / 2),
  width: Math.ceil(width / 2),
  channels,
})

/** Costs of the stem's parts: [everything up to s0, from s0 to s1]; the cifar stem gives the same tensor twice. */
export function countStem(
  options: CellSkeletonOptions,
  input: ImageShape,
  affine = true,
): readonly [LayerCost, LayerCost] {
  const { channels, stem, stemMultiplier } = options
  const convolution = (filters: number, stride: number) =>
    countInSequence(countConvolution({ filters, kernel: 3, stride }), countNorm(affine))
  if (stem === 'cifar') {
    const s0 = convolution(stemMultiplier * channels, 1)(input)
    return [s0, { multiplyAdds: 0, parameters: 0, output: s0.output }]
  }
  const s0 = countInSequence(convolution(channels / 2, 2), convolution(channels, 2))(input)
  return [s0, convolution(channels, 2)(s0.output)]
}

/** Where every cell stands and what shapes it sees: Liu et al. (arXiv:1806.09055), §A.2, and its released code. */
export function planCells(options: CellSkeletonOptions, inputSizes: readonly number[], classes: number): CellPlan {
  const input = imageShape('cell', inputSizes)
  const [first, second] = countStem(options, input)
  let [beforeLast, last] = [first.output, second.output]
  let { channels } = options
  // The imagenet stem halves between s0 and s1.
  let reducesFirst = options.stem === 'imagenet'
  const cells: CellPlace[] = []
  for (let index = 0; index < options.cells; index++) {
    const reduction = options.reductions.includes(index)
    if (reduction) channels *= 2
    const state = { ...last, channels }
    const node = reduction ? halved(state, channels) : state
    const output = { ...node, channels: channels * options.nodes }
    cells.push({ index, reduction, reducesFirst, inputs: [beforeLast, last], state, node, output })
    ;[beforeLast, last] = [last, output]
    reducesFirst = reduction
  }
  const auxiliaryAfter = Math.floor((2 * options.cells) / 3)
  return { options, input, cells, auxiliaryAfter, classes }
}

/** Shape of what the classifier sees. */
export const featuresOf = (plan: CellPlan): ImageShape => (plan.cells.at(-1) as CellPlace).output

/** Only edges from a cell's inputs can halve. */
export const strideOf = (place: CellPlace, state: number): 1 | 2 => (place.reduction && state < 2 ? 2 : 1)

/** Shape of a state of a cell: 0 and 1 are its preprocessed inputs, the others its nodes. */
export const stateShape = (place: CellPlace, state: number): ImageShape => (state < 2 ? place.state : place.node)

export const countHead = (plan: CellPlan): LayerCost => countClassifier(plan.classes)(featuresOf(plan))
