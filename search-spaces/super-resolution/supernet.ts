import * as tf from '@tensorflow/tfjs-core'
import type { Layer, VariableScope } from '../../core/tensor/index.ts'
import type { Supernet } from '../../core/trainer.ts'
import { type OptionVariables, sharedWeights, variablesOf } from '../operations/weight-sharing.ts'
import {
  buildEdge,
  type CellKind,
  type CellLayer,
  cellLayer,
  checkedBuild,
  type SuperResolutionBuild,
  scopeFor,
  superResolutionNetwork,
} from './network.ts'
import {
  type NormalOperationName,
  normalOperations,
  type ResolvedOptions,
  type SuperResolutionArchitecture,
  type SuperResolutionEdge,
  type UpsamplingOperationName,
  upsamplingOperations,
} from './space.ts'
import type { UpscalingNetwork } from './upscaler.ts'

type AnyEdge = SuperResolutionEdge<NormalOperationName | UpsamplingOperationName>

interface EdgeOption extends OptionVariables {
  readonly layer: Layer
}

/** One cell with every operation on every edge. */
interface WholeCell {
  readonly layer: CellLayer
  readonly edge: (edge: AnyEdge, to: number) => EdgeOption
  /** The 1×1 convolutions on its inputs. */
  readonly entrance: OptionVariables
}

/** A supernet whose paths enlarge images of any size. */
export interface SuperResolutionSupernet<A> extends Supernet<A> {
  path(architecture: A): UpscalingNetwork
}

/**
 * A supernet with a complete normal cell and a complete upsampling cell, each with its own weights, at every place of
 * the row. The position decides which of the two is computed. The architecture is an argument of `path`; nothing is
 * sampled inside.
 */
export function superResolutionSupernet<A extends SuperResolutionArchitecture>(
  options: ResolvedOptions,
  given: SuperResolutionBuild,
): SuperResolutionSupernet<A> {
  const { input, ...build } = checkedBuild(given)
  const operations = {
    normal: options.projection ? [...normalOperations, 'up_and_down_projection' as const] : normalOperations,
    upsampling: upsamplingOperations,
  }
  let selected: SuperResolutionArchitecture | undefined
  const scope = scopeFor(options, build)

  const wholeCell = (own: VariableScope, kind: CellKind): WholeCell => {
    const edges = new Map<string, EdgeOption>()
    const key = (from: number, to: number, op: string) => `${from}→${to} ${op}`
    for (let to = 2; to < options.nodes + 2; to++)
      for (let from = 0; from < to; from++)
        for (const op of operations[kind]) {
          const at = own.child(`edge_${from}_${to}`).child(op)
          const layer = buildEdge(at, kind, from, op, options)
          edges.set(key(from, to, op), { layer, ...variablesOf(at) })
        }
    const edge = ({ input: from, op }: AnyEdge, to: number) => edges.get(key(from, to, op)) as EdgeOption
    const layer = cellLayer(own, options, (states, mode) => {
      for (const { left, right } of (selected as SuperResolutionArchitecture)[kind]) {
        const to = states.length
        const value = (chosen: AnyEdge) => edge(chosen, to).layer(states[chosen.input] as tf.Tensor, mode)
        states.push(tf.add(value(left), value(right)))
      }
    })
    const [zero, one] = [variablesOf(own.child('preprocess_0')), variablesOf(own.child('preprocess_1'))]
    const entrance = { trainable: [...zero.trainable, ...one.trainable], state: [...zero.state, ...one.state] }
    return { layer, edge, entrance }
  }

  const places: { readonly normal: WholeCell; readonly upsampling: WholeCell }[] = []
  const whole = superResolutionNetwork({
    scope,
    options,
    input,
    cell: (own, index) => {
      const place = {
        normal: wholeCell(own.child('normal'), 'normal'),
        upsampling: wholeCell(own.child('upsampling'), 'upsampling'),
      }
      places.push(place)
      return () => {
        const kind = selected?.position === index ? 'upsampling' : 'normal'
        return { kind, layer: place[kind].layer }
      }
    },
  })
  const select = (architecture: A) => {
    selected = architecture
  }
  const onPath = (architecture: A): OptionVariables[] =>
    places.flatMap((place, index) => {
      const kind = index === architecture.position ? 'upsampling' : 'normal'
      const { edge, entrance } = place[kind]
      const chosen = architecture[kind].flatMap(({ left, right }, node) => [
        edge(left, node + 2),
        edge(right, node + 2),
      ])
      return [entrance, ...chosen]
    })
  // Everything inside a cell is an option; the stem and the last convolution are part of every path.
  const ofCells = places.map((_, index) => variablesOf(scope.child(`cell_${index}`)))
  const supernet = sharedWeights<A>({ whole, options: ofCells, select, chosen: onPath })
  return {
    ...supernet,
    path(architecture) {
      const outputs: UpscalingNetwork['outputs'] = (lr, mode) => {
        select(architecture)
        return whole.outputs(lr, mode)
      }
      const upscale: UpscalingNetwork['upscale'] = (lr, mode) => outputs(lr, mode).at(-1) as tf.Tensor
      return { ...supernet.path(architecture), scale: options.scale, outputs, upscale }
    },
  }
}
