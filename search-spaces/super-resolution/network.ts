import * as tf from '@tensorflow/tfjs-core'
import { optionNames } from '../../core/options/index.ts'
import {
  conv2d,
  fanInUniform,
  identity,
  type Layer,
  type Normalisation,
  relu,
  type VariableScope,
  variableScope,
  zeros,
} from '../../core/tensor/index.ts'
import type { ApplyMode, BuildOptions } from '../../core/trainer.ts'
import { imageShape } from '../operations/cost.ts'
import { stack } from '../operations/operation.ts'
import { bicubicUpsampling } from './interpolation.ts'
import { buildNormalOperation } from './normal-operations.ts'
import type {
  NormalOperationName,
  ResolvedOptions,
  SuperResolutionArchitecture,
  UpsamplingOperationName,
} from './space.ts'
import { buildUpsamplingOperation } from './upsampling-operations.ts'
import { addMean, type ScopedUpscalingNetwork, subtractMean, upscalingNetwork } from './upscaler.ts'

export type CellKind = 'normal' | 'upsampling'

/** A cell as a function of the outputs of the two cells before it. */
export type CellLayer = (before: readonly [tf.Tensor, tf.Tensor], mode: ApplyMode) => tf.Tensor

/** A cell, and whether it enlarges. In a supernet both may change at every call. */
export interface CellChoice {
  readonly kind: CellKind
  readonly layer: CellLayer
}

/** Builds one operation of either cell on an edge from state `from`. */
export const buildEdge = (
  scope: VariableScope,
  kind: CellKind,
  from: number,
  op: NormalOperationName | UpsamplingOperationName,
  { channels, scale, normalised }: ResolvedOptions,
): Layer =>
  kind === 'normal'
    ? buildNormalOperation(scope, op as NormalOperationName, { channels, normalised })
    : buildUpsamplingOperation(scope, op as UpsamplingOperationName, { channels, factor: from < 2 ? scale : 1 })

/** Applies the chosen edges of a cell; both inputs go through ReLU and a 1×1 convolution first. */
export function cellLayer(
  scope: VariableScope,
  { channels, nodes }: ResolvedOptions,
  along: (states: tf.Tensor[], mode: ApplyMode) => void,
): CellLayer {
  const preprocess = (name: string) =>
    stack(
      scope.child(name),
      relu,
      (s) => conv2d(s, { inputChannels: channels * nodes, filters: channels, kernel: 1 }),
      (s) => s.normalise(channels, { affine: false }),
    )
  const [first, second] = [preprocess('preprocess_0'), preprocess('preprocess_1')]
  return ([s0, s1], mode) => {
    const states = [first(s0, mode), second(s1, mode)]
    along(states, mode)
    return tf.concat(states.slice(2), 3)
  }
}

/**
 * A view of a scope whose kernels are initialised as in PyTorch, U(±1/√fan-in), like the released program. With He
 * initialisation, which is √6 times larger, values would grow from cell to cell in networks without normalisation.
 */
export const modestKernels = (scope: VariableScope): VariableScope => {
  const weight: VariableScope['weight'] = (name, shape, initialiser, fan) =>
    scope.weight(name, shape, name === 'kernel' ? fanInUniform() : initialiser, fan)
  const child: VariableScope['child'] = (name) => modestKernels(scope.child(name))
  return Object.assign(Object.create(scope) as VariableScope, { weight, child })
}

/**
 * The last convolution, and what is added to its result: the mean colour, or the bicubic enlargement of the small
 * image.
 */
export function lastLayer(
  scope: VariableScope,
  { width, colours, options }: { width: number; colours: number; options: Pick<ResolvedOptions, 'shortcut' | 'scale'> },
): (features: tf.Tensor, lr: tf.Tensor, mode: ApplyMode) => tf.Tensor {
  const form = { inputChannels: width, filters: colours, kernel: 3, bias: true, initialiser: fanInUniform() } as const
  if (options.shortcut === 'none') {
    const last = conv2d(scope, form)
    return (features, _, mode) => addMean(last(features, mode))
  }
  const last = conv2d(scope, { ...form, initialiser: zeros })
  const bicubic = bicubicUpsampling({ factor: options.scale })
  return (features, lr, mode) => tf.add(last(features, mode), bicubic(lr, mode))
}

export interface SkeletonParts {
  readonly scope: VariableScope
  readonly options: ResolvedOptions
  readonly input: readonly number[]
  /** Makes cell `index`; its variables go into `scope`. */
  readonly cell: (scope: VariableScope, index: number) => () => CellChoice
}

/**
 * Mean shift, stem, cells in a row, last convolution: Guo et al. (arXiv:2003.04619). After the upsampling cell, both
 * inputs of the next cell are its output, because earlier outputs are small. As published, there is no global
 * shortcut.
 */
export function superResolutionNetwork({ scope, options, input, cell }: SkeletonParts): ScopedUpscalingNetwork {
  const { channels: colours } = imageShape('super-resolution', input)
  const width = options.channels * options.nodes
  const modest = modestKernels(scope)
  const stem = stack(
    modest.child('stem'),
    (s) => conv2d(s, { inputChannels: colours, filters: width, kernel: 3 }),
    (s) => s.normalise(width),
  )
  const cells = Array.from({ length: options.cells }, (_, index) => cell(modest.child(`cell_${index}`), index))
  const finish = lastLayer(scope.child('last'), { width, colours, options })
  const upscale: Layer = (lr, mode) => {
    let s1 = stem(subtractMean(lr), mode)
    let s0 = s1
    for (const choose of cells) {
      const { kind, layer } = choose()
      const run = () => layer([s0, s1], mode)
      // Without a backward pass, intermediate tensors are disposed cell by cell.
      const output = mode.training ? run() : tf.tidy(run)
      ;[s0, s1] = kind === 'upsampling' ? [output, output] : [s1, output]
    }
    return finish(s1, lr, mode)
  }
  return upscalingNetwork({ scope, scale: options.scale, input, outputs: (lr, mode) => [upscale(lr, mode)] })
}

/** What a network is built from; the default `normalisation` is batch norm. */
export type SuperResolutionBuild = Pick<BuildOptions, 'input' | 'rng'> & { readonly normalisation?: Normalisation }

/** `classes`, which every builder of networks is given, means nothing to these. */
export const checkedBuild = optionNames<SuperResolutionBuild & { readonly classes?: number }>('superResolutionSpace', {
  input: true,
  rng: true,
  normalisation: true,
  classes: true,
})

const nothing: Normalisation = (_scope, { relu: active }) => (active ? relu() : identity())

/** A scope with the normalisation of the options: it is used in the search, but not in final networks. */
export const scopeFor = (
  { normalised }: ResolvedOptions,
  { rng, normalisation }: Omit<SuperResolutionBuild, 'input'>,
): VariableScope => {
  const own = normalised ? normalisation : nothing
  return variableScope({ rng, ...(own && { normalisation: own }) })
}

/** The network of one architecture, ready to be trained from scratch. */
export function buildSuperResolutionNetwork(
  architecture: SuperResolutionArchitecture,
  options: ResolvedOptions,
  given: SuperResolutionBuild,
): ScopedUpscalingNetwork {
  const { input, ...build } = checkedBuild(given)
  return superResolutionNetwork({
    scope: scopeFor(options, build),
    options,
    input,
    cell: (own, index) => {
      const kind: CellKind = index === architecture.position ? 'upsampling' : 'normal'
      const nodes = architecture[kind].map(({ left, right }, node) =>
        ([left, right] as const).map(({ input: state, op }, side) => {
          const at = own.child(`node_${node + 2}`).child(side === 0 ? 'left' : 'right')
          return { state, layer: buildEdge(at, kind, state, op, options) }
        }),
      )
      const layer = cellLayer(own, options, (states, mode) => {
        for (const edges of nodes)
          states.push(tf.addN(edges.map(({ state, layer: edge }) => edge(states[state] as tf.Tensor, mode))))
      })
      return () => ({ kind, layer })
    },
  })
}
