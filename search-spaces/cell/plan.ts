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

/** Options of the network around the cells, with defaults filled in. */
export type CellSkeletonOptions = Required<
  Pick<CellOptions, 'nodes' | 'channels' | 'cells' | 'reductions' | 'stem' | 'stemMultiplier' | 'auxiliary'>
>

/** One cell at its position in the network. */
export interface CellPlace {
  readonly index: number
  readonly reduction: boolean
  /**
   * Whether the cell before the last has twice the height and width, so that a factorised reduction shrinks its
   * output.
   */
  readonly reducesFirst: boolean
  /** Shapes of the outputs of the two previous cells. */
  readonly inputs: readonly [ImageShape, ImageShape]
  /** Shape of states 0 and 1, after preprocessing. */
  readonly state: ImageShape
  /** Shape of every intermediate node. */
  readonly node: ImageShape
  /** Shape of the concatenation of all nodes. */
  readonly output: ImageShape
}

/** Shapes of a whole network, the same for every architecture of a space. */
export interface CellPlan {
  readonly options: CellSkeletonOptions
  readonly input: ImageShape
  readonly cells: readonly CellPlace[]
  /** Index of the cell after which the auxiliary classifier is placed. */
  readonly auxiliaryAfter: number
  readonly classes: number
}

const declared = optionsFor<CellOptions & NormalisationOption>()('cellSpace', {
  nodes: whole({ min: 1, default: cellDefaults.nodes, doc: 'Intermediate nodes of a cell.' }),
  operations: list(value<CellOperationName>('the name of an operation'), {
    min: 1,
    default: cellDefaults.operations,
    doc: 'Names of the operations among which every edge chooses.',
  }),
  distinctInputs: flag({ default: false, doc: 'Whether the two inputs of a node must be two different states.' }),
  channels: whole({
    min: 1,
    default: cellDefaults.channels,
    doc: 'Channels of a node of the first cells; each reduction doubles them.',
  }),
  cells: whole({ min: 1, default: cellDefaults.cells, doc: 'Cells in a row.' }),
  reductions: list(whole({ min: 0 }), {
    absent: '⌊cells / 3⌋ and ⌊2·cells / 3⌋',
    doc: 'Positions of the reduction cells, from 0.',
  }),
  stem: among(['cifar', 'imagenet'], {
    default: 'cifar',
    doc: 'The first layers: for images of about 32 pixels, or of about 224.',
  }),
  stemMultiplier: whole({
    min: 1,
    default: cellDefaults.stemMultiplier,
    doc: 'The stem has this many times `channels`.',
  }),
  auxiliary: number({ min: 0, default: 0, doc: 'Weight of the auxiliary classifier in the loss; 0: there is none.' }),
  ...normalisationField,
})

/** Fills in defaults and refuses options with which no network can be built. Error: ARCHLOOM_OPTION. */
export function skeletonOptions(options: CellOptions): CellSkeletonOptions {
  const { nodes, channels, cells, stem, stemMultiplier, auxiliary } = declared.read(options) as Required<CellOptions>
  const { reductions = [Math.floor(cells / 3), Math.floor((2 * cells) / 3)] } = options
  if (reductions.some((index) => index >= cells))
    throw declared.refuse('reductions', reductions, `positions from 0 to ${cells - 1}`)
  if (stem === 'imagenet' && channels % 2 !== 0)
    throw declared.refuse(
      'channels',
      channels,
      'an even number with the imagenet stem, whose first convolution has half as many',
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

/** Plans the position and the shapes of every cell: Liu et al. (arXiv:1806.09055), §A.2, and its released code. */
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

/** Shape of the classifier's input. */
export const featuresOf = (plan: CellPlan): ImageShape => (plan.cells.at(-1) as CellPlace).output

/** The stride of an edge; only edges from a cell's inputs can halve the size. */
export const strideOf = (place: CellPlace, state: number): 1 | 2 => (place.reduction && state < 2 ? 2 : 1)

/** Shape of a state of a cell: 0 and 1 are its preprocessed inputs, the others its nodes. */
export const stateShape = (place: CellPlace, state: number): ImageShape => (state < 2 ? place.state : place.node)

export const countHead = (plan: CellPlan): LayerCost => countClassifier(plan.classes)(featuresOf(plan))
