import * as tf from '@tensorflow/tfjs-core'
import { optionsFor } from '../../core/options/index.ts'
import type { Paper } from '../../core/paper.ts'
import { type Infer, oneOf, product, repeat } from '../../core/space/index.ts'
import { nameWithOptions } from '../../core/space/naming.ts'
import {
  dense,
  dropPath,
  globalAvgPool,
  type Layer,
  network,
  type ScopedNetwork,
  sequential,
  type VariableScope,
  variableScope,
} from '../../core/tensor/index.ts'
import type { ApplyMode, BuildOptions, NetworkCost } from '../../core/trainer.ts'
import { error } from '../errors.ts'
import { defineNetworkSpace, type NetworkSpace } from '../network-space.ts'
import {
  addCosts,
  countClassifier,
  countInSequence,
  countNorm,
  type ImageShape,
  imageShape,
} from '../operations/cost.ts'
import { edgeOperations } from '../operations/edge-operations.ts'
import { convNorm, countConvNorm } from '../operations/mb-conv.ts'
import {
  type NormalisationOption,
  nameableOptions,
  normalisationField,
  normalisationParts,
} from '../operations/normalisation.ts'
import { countResidual } from './cost.ts'
import { buildResidual } from './network.ts'

export const natsBenchPaper: Paper = {
  title: 'NATS-Bench: Benchmarking NAS Algorithms for Architecture Topology and Size',
  authors: 'Xuanyi Dong, Lu Liu, Katarzyna Musial, Bogdan Gabrys',
  venue: 'IEEE Transactions on Pattern Analysis and Machine Intelligence',
  year: 2021,
  url: 'https://arxiv.org/abs/2009.00437',
  bibtex: `@article{dong2021nats,
  title = {{NATS-Bench}: Benchmarking {NAS} Algorithms for Architecture Topology and Size},
  author = {Dong, Xuanyi and Liu, Lu and Musial, Katarzyna and Gabrys, Bogdan},
  journal = {IEEE Transactions on Pattern Analysis and Machine Intelligence},
  year = {2021},
  url = {https://arxiv.org/abs/2009.00437}
}`,
}

const LAYERS = 5
const widths = [8, 16, 24, 32, 40, 48, 56, 64] as const
const decisions = product({ channels: repeat(LAYERS, () => oneOf(...widths)) })

export type NatsBenchSize = Infer<typeof decisions>
export type NatsBenchSizeSpace = NetworkSpace<NatsBenchSize, Record<never, never>>

/** The text of an architecture in the benchmark's files: `8:16:24:32:64`. */
export const formatNatsBenchSize = ({ channels }: NatsBenchSize): string => channels.join(':')

/** Parses this text. Error: ARCHLOOM_ARCHITECTURE_TEXT. */
export function parseNatsBenchSize(text: string): NatsBenchSize {
  const channels = text.split(':').map(Number)
  if (channels.length !== LAYERS || !channels.every((count) => (widths as readonly number[]).includes(count)))
    throw error('ARCHLOOM_ARCHITECTURE_TEXT', {
      format: 'NATS-Bench size',
      received: text,
      expected: `${LAYERS} numbers of channels among ${widths.join(', ')}, joined by colons`,
    })
  return { channels: channels as unknown as NatsBenchSize['channels'] }
}

interface Place {
  /** A residual block that halves the size; otherwise a cell. */
  readonly reduces: boolean
  readonly input: ImageShape
  readonly shape: ImageShape
}

/** Cell, residual block, cell, residual block, cell. */
function placesOf({ channels }: NatsBenchSize, image: ImageShape): readonly Place[] {
  let shape: ImageShape = { ...image, channels: channels[0] }
  return channels.map((count, at) => {
    const [input, reduces] = [shape, at % 2 === 1]
    const along = (size: number) => (reduces ? Math.ceil(size / 2) : size)
    shape = { height: along(input.height), width: along(input.width), channels: count }
    return { reduces, input, shape }
  })
}

/** The cell that all architectures share: five 3×3 convolutions, and a skip connection from its input to its output. */
const edges = [
  { from: 0, to: 1, op: 'nor_conv_3x3' },
  { from: 0, to: 2, op: 'nor_conv_3x3' },
  { from: 1, to: 2, op: 'nor_conv_3x3' },
  { from: 0, to: 3, op: 'skip_connect' },
  { from: 1, to: 3, op: 'nor_conv_3x3' },
  { from: 2, to: 3, op: 'nor_conv_3x3' },
] as const

const edgeOptions = ({ input, shape }: Place, from: number) => ({
  channelsIn: from === 0 ? input.channels : shape.channels,
  channelsOut: shape.channels,
})
/** A skip connection that changes the number of channels is a 1×1 convolution with normalisation. */
const isProjection = (place: Place, { op, from }: (typeof edges)[number]) => {
  const { channelsIn, channelsOut } = edgeOptions(place, from)
  return op === 'skip_connect' && channelsIn !== channelsOut
}

function costOf(architecture: NatsBenchSize, input: readonly number[], classes: number): NetworkCost {
  const image = imageShape('nats-bench-size', input)
  const places = placesOf(architecture, image)
  const parts = places.map((place) => {
    const { channels } = place.shape
    if (place.reduces) return countResidual(place.input, channels, true)
    return addCosts(
      ...edges.map((edge) => {
        const options = edgeOptions(place, edge.from)
        const count = isProjection(place, edge)
          ? countConvNorm({ kernel: 1, filters: channels })
          : edgeOperations[edge.op].cost(options)
        return count({ ...place.shape, channels: options.channelsIn })
      }),
    )
  })
  const body = addCosts(
    countConvNorm({ kernel: 3, filters: architecture.channels[0] })(image),
    ...parts,
    countInSequence(countNorm(), countClassifier(classes))(places.at(-1)!.shape),
  )
  // As the benchmark counts: the bias of the classifier is one multiply-add per class.
  return { ...body, multiplyAdds: body.multiplyAdds + classes }
}

function buildCell(scope: VariableScope, place: Place): Layer {
  const layers = edges.map((edge) => {
    const options = edgeOptions(place, edge.from)
    const own = scope.child(`edge_${edge.from}_${edge.to}`)
    if (isProjection(place, edge)) return sequential(convNorm(own, { ...options, kernel: 1, relu: false }), dropPath())
    const layer = edgeOperations[edge.op].build(own, options)
    return edgeOperations[edge.op].isIdentity(options) ? layer : sequential(layer, dropPath())
  })
  return (x, mode) => {
    const nodes: tf.Tensor[] = [x]
    for (const node of [1, 2, 3])
      nodes.push(
        edges
          .flatMap(({ from, to }, at) => (to === node ? [layers[at]!(nodes[from]!, mode)] : []))
          .reduce((sum, y) => tf.add(sum, y)),
      )
    return nodes[3]!
  }
}

function build(
  architecture: NatsBenchSize,
  { input, classes, rng }: BuildOptions,
  parts: ReturnType<typeof normalisationParts>,
): ScopedNetwork {
  const image = imageShape('nats-bench-size', input)
  const scope = variableScope({ rng, ...parts })
  const places = placesOf(architecture, image)
  const stem = convNorm(scope.child('stem'), {
    channelsIn: image.channels,
    channelsOut: architecture.channels[0],
    kernel: 3,
    relu: false,
  })
  const layers = places.map((place, at) =>
    place.reduces
      ? buildResidual(scope.child(`residual_${at}`), place, true)
      : buildCell(scope.child(`cell_${at}`), place),
  )
  const { channels } = places.at(-1)!.shape
  const last = scope.child('last').normalise(channels, { relu: true })
  const classifier = sequential(globalAvgPool(), dense(scope.child('classifier'), { inputs: channels, units: classes }))
  const apply = (x: tf.Tensor, mode: ApplyMode) => {
    // In evaluation, the intermediate tensors of each layer are disposed at once.
    const run = (layer: Layer, y: tf.Tensor) => (mode.training ? layer(y, mode) : tf.tidy(() => layer(y, mode)))
    const features = layers.reduce((y, layer) => run(layer, y), stem(x, mode))
    return classifier(last(features, mode), mode)
  }
  return network({ scope, inputShape: [...input], outputShape: [classes], apply })
}

const declared = optionsFor<NormalisationOption>()('natsBenchSizeSpace', normalisationField)

/**
 * The size space of NATS-Bench: the channels of five layers, each among 8, 16, …, 64, which makes 32,768 architectures. The
 * layers are a cell of NAS-Bench-201, the same in all of them, and residual blocks that halve the size. Error: ARCHLOOM_OPTION.
 */
export function natsBenchSizeSpace(given: NormalisationOption = {}): NatsBenchSizeSpace {
  declared.read(given)
  const normalisation = normalisationParts(given)
  return defineNetworkSpace(nameWithOptions('nats-bench-size', nameableOptions(given), {}), decisions, {
    options: {},
    origin: { factory: 'natsBenchSizeSpace', room: 'nas-bench-201', given },
    papers: [natsBenchPaper],
    cost: (architecture: NatsBenchSize, { input, classes }) => costOf(architecture, input, classes),
    build: (architecture: NatsBenchSize, form) => build(architecture, form, normalisation),
  })
}
