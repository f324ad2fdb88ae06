import * as tf from '@tensorflow/tfjs-core'
import { optionNames, pickOptions } from '../../core/options/index.ts'
import { constant, type Layer, type VariableScope } from '../../core/tensor/index.ts'
import { bitsOf, gateGradients, gatesOf } from './gates.ts'
import { hasKernel, type KernelNode, type LayerGraph } from './prunable-graph.ts'
import { type GraphNetwork, graphNetwork } from './prunable-network.ts'
import { checkWeights } from './prunable-shapes.ts'
import {
  type ClipOptions,
  calibrateClip,
  checkConvolvable,
  largestSize,
  multiply,
  quantisedVariables,
  resolvedClips,
} from './quantised-layer.ts'
import { activationGrid, type Survivors, weightGrid } from './standardise.ts'
import { edgeBitsOf, multiplyAddsOf, uniformChoice } from './super-bit-cost.ts'
import {
  type BitChoice,
  type BitLayer,
  type SuperBitOptions,
  type SuperBitPlan,
  superBitPlan,
} from './super-bit-plan.ts'
import {
  filterGates,
  type GridOf,
  maskChannels,
  quantiseFixed,
  type SuperQuantised,
  superQuantise,
} from './super-quantiser.ts'

/** Which thresholds are trained in a step. The bits of the other side are constants in the cost. */
export type Turn = 'weights' | 'activations' | 'both'

/** The mean residuals of one layer from which gates are computed. */
export interface LayerResiduals {
  readonly weights: readonly number[]
  readonly activations: readonly number[]
}

/** The thresholds of the gates, by what they decide. */
export interface Thresholds {
  /** α_w and α_x, [K − 1] per searched layer; undefined for the first and the last layer. */
  readonly weights: readonly (tf.Variable | undefined)[]
  readonly activations: readonly (tf.Variable | undefined)[]
  /** α_p, [1] per group of filters. */
  readonly filters: readonly tf.Variable[]
}

export interface SuperBitNetwork extends GraphNetwork {
  readonly plan: SuperBitPlan
  readonly thresholds: Thresholds
  readonly weightScale: 'kept' | 'unit'
  /** Bits and filters that evaluation uses; set it from `selected` or from a read-out. */
  choice: BitChoice
  /** The choice of the gates in the last gated pass. */
  readonly selected: BitChoice
  readonly residuals: readonly LayerResiduals[]
  /** Scores of the groups of filters in the last gated pass. */
  readonly scores: readonly (readonly number[])[]
  /** Variables that a step of this turn trains. */
  learning(turn: Turn): readonly tf.Variable[]
  /** A training pass through the gates: logits, and ln of the BOPs (eq. 17). Call inside a tidy. */
  search(x: tf.Tensor, turn: Turn): { readonly logits: tf.Tensor; readonly logBops: tf.Scalar }
  /** A pass through the gates with running statistics. Call inside a tidy. */
  observeGates(x: tf.Tensor): tf.Tensor
  /** Sets the clip of every layer's input to twice its root mean square on a batch. Call inside a tidy. */
  calibrateClips(x: tf.Tensor): void
}

export interface SuperBitNetworkOptions extends SuperBitOptions, ClipOptions {}

type Activity = 'fixed' | 'gated' | 'calibrating'

/** The tensors of a gated pass. */
interface Pass {
  readonly layers: { weights?: SuperQuantised; activations?: SuperQuantised }[]
  readonly masks: tf.Tensor1D[]
  readonly open: (readonly number[])[]
  readonly scores: (readonly number[])[]
}

const superBitNetworkNames = optionNames<SuperBitNetworkOptions>('superBitNetwork', {
  ladder: true,
  quantise: true,
  prune: true,
  edgeBits: true,
  weightClip: true,
  activationClip: true,
  weightScale: true,
})

/**
 * One network that holds every choice of bits and filters: each layer has one kernel, quantised at the width that its
 * gates choose while searching, and at the width of `choice` in evaluation. With all thresholds at 0 it is the
 * unpruned network at the most bits. Errors: those of `superBitPlan`, ARCHLOOM_PRUNABLE_WEIGHTS.
 */
export function superBitNetwork(graph: LayerGraph, options: SuperBitNetworkOptions = {}): SuperBitNetwork {
  superBitNetworkNames(options)
  const { weightClip, activationClip, weightScale } = resolvedClips(options)
  const plan = superBitPlan(graph, pickOptions(options, ['ladder', 'quantise', 'prune', 'edgeBits']))
  const { ladder, layers, groups, quantised } = plan
  checkWeights(graph)
  const edge = edgeBitsOf(plan)
  const thresholds = {
    weights: [] as (tf.Variable | undefined)[],
    activations: [] as (tf.Variable | undefined)[],
    filters: [] as tf.Variable[],
  }
  let choice = uniformChoice(plan, quantised ? (ladder.at(-1) as number) : edge)
  let activity: Activity = 'fixed'
  let turn: Turn = 'both'
  let pass = emptyPass()

  /** Whether each filter of a group's layer is kept. */
  const stays = (group: number | undefined): Uint8Array | undefined => {
    if (group === undefined) return undefined
    const { filters, groupSize } = groups[group] as (typeof groups)[number]
    const kept = activity === 'fixed' ? new Set(choice.kept[group]) : undefined
    const isKept = (c: number) => (kept ? kept.has(c) : (pass.open[group] as readonly number[])[c] === 1)
    return Uint8Array.from({ length: filters }, (_, f) => (isKept(Math.floor(f / groupSize)) ? 1 : 0))
  }
  const masked = (x: tf.Tensor, group: number): tf.Tensor => {
    if (activity === 'fixed') {
      const alive = stays(group) as Uint8Array
      if (alive.every((each) => each === 1)) return x
      return tf.mul(x, tf.tensor1d(Float32Array.from(alive)))
    }
    return maskChannels(x, pass.masks[group] as tf.Tensor1D, (pass.open[group] as readonly number[]).every(Boolean))
  }

  /** The layer of a node with a kernel. */
  const layerOf = (node: KernelNode, scope: VariableScope, at: number): Layer => {
    const layer = layers[at] as BitLayer
    const searched = quantised && layer.role === 'inner'
    const clips = { weightClip: layer.role === 'last' ? largestSize(node.kernel.data) : weightClip, activationClip }
    const own = quantisedVariables(node, scope, clips)
    const count = ladder.length - 1
    const threshold = (name: string) => (searched && count > 0 ? scope.weight(name, [count], constant(0)) : undefined)
    const weightThresholds = threshold('weight_thresholds')
    const activationThresholds = threshold('activation_thresholds')
    thresholds.weights[at] = weightThresholds
    thresholds.activations[at] = activationThresholds
    const produces = groups.findIndex(({ name }) => name === node.name)
    const pruning = produces === -1 ? undefined : scope.weight('filter_threshold', [1], constant(0))
    if (pruning) thresholds.filters[produces] = pruning

    const aliveOf = (): Survivors => {
      const [read, written] = [stays(layer.inputGroup), stays(layer.outputGroup)]
      return node.op === 'depthwise-convolution' ? { inputs: written } : { inputs: read, filters: written }
    }
    const scaling = { standardise: layer.role !== 'last', scale: weightScale }
    const weightsOf: GridOf = (clip, values) =>
      weightGrid(node.name, node.kernel.shape, scaling, aliveOf())(clip, values)
    const inputsOf = activationGrid(layer.signed)
    const fixed = (side: 'weights' | 'activations') => (choice.bits[at] as BitChoice['bits'][number])[side]

    const quantisedInput = (x: tf.Tensor): tf.Tensor => {
      if (!quantised || layer.role === 'first') return x
      if (activity === 'calibrating') calibrateClip(own.activationClip, x)
      if (!activationThresholds || activity === 'fixed')
        return quantiseFixed(x, own.activationClip, inputsOf, searched ? fixed('activations') : edge)
      const found = superQuantise(x, own.activationClip, activationThresholds, {
        gridOf: inputsOf,
        ladder,
        learn: turn !== 'weights',
        likely: seen.selected.bits[at]?.activations,
      })
      record(at).activations = found
      return found.value
    }
    const quantisedKernel = (): tf.Tensor => {
      const kernel = own.kernel as tf.Tensor
      if (!quantised) return kernel
      if (!weightThresholds || activity === 'fixed')
        return quantiseFixed(kernel, own.weightClip, weightsOf, searched ? fixed('weights') : edge)
      const found = superQuantise(kernel, own.weightClip, weightThresholds, {
        gridOf: weightsOf,
        ladder,
        learn: turn !== 'activations',
        likely: seen.selected.bits[at]?.weights,
      })
      record(at).weights = found
      return found.value
    }
    const { inputGroup, signed } = layer
    return (x) => {
      if (pruning && activity !== 'fixed') {
        const gates = filterGates(own.kernel, pruning, (groups[produces] as (typeof groups)[number]).groupSize)
        pass.masks[produces] = gates.mask
        pass.open[produces] = gates.open
        pass.scores[produces] = [...gates.scores]
      }
      // 0 is only on unsigned grids.
      const input = inputGroup !== undefined && !signed ? masked(x, inputGroup) : x
      const quantisedX = quantisedInput(input)
      const read = inputGroup !== undefined && signed ? masked(quantisedX, inputGroup) : quantisedX
      return multiply(node, read, quantisedKernel(), own.bias)
    }
  }
  const record = (at: number) => {
    pass.layers[at] ??= {}
    return pass.layers[at] as Pass['layers'][number]
  }

  const indexOf = new Map(layers.map(({ name }, at) => [name, at]))
  const made = graphNetwork(graph, (node, scope) => {
    if (!hasKernel(node)) return undefined
    checkConvolvable(node)
    return layerOf(node, scope, indexOf.get(node.name) as number)
  })

  /** Runs a pass in a mode other than evaluation. */
  const during = <T>(way: Activity, own: Turn, run: () => T): T => {
    ;[activity, turn, pass] = [way, own, emptyPass()]
    try {
      return run()
    } finally {
      ;[activity, turn] = ['fixed', 'both']
    }
  }
  /** Plain numbers of the last gated pass, whose tensors are disposed with their tidy. */
  let seen = { selected: choice, residuals: [] as LayerResiduals[], scores: [] as (readonly number[])[] }
  const remember = () => {
    seen = {
      selected: selectedIn(plan, pass, choice),
      residuals: layers.map((_, at) => ({
        weights: pass.layers[at]?.weights?.means ?? [],
        activations: pass.layers[at]?.activations?.means ?? [],
      })),
      scores: pass.scores,
    }
  }
  const gateVariables = { weights: () => thresholds.weights, activations: () => thresholds.activations }
  const self: Omit<SuperBitNetwork, keyof GraphNetwork> = {
    plan,
    thresholds,
    weightScale,
    get choice() {
      return choice
    },
    set choice(next: BitChoice) {
      choice = next
    },
    get selected() {
      return seen.selected
    },
    get residuals() {
      return seen.residuals
    },
    get scores() {
      return seen.scores
    },
    learning: (whose) => {
      const frozen = new Set(
        whose === 'both' ? [] : gateVariables[whose === 'weights' ? 'activations' : 'weights']().map((each) => each),
      )
      return made.trainable.filter((variable) => !frozen.has(variable))
    },
    search: (x, whose) =>
      during('gated', whose, () => {
        const logits = made.apply(x, { training: true })
        remember()
        return { logits, logBops: logBops(plan, pass, seen.selected, whose) }
      }),
    observeGates: (x) =>
      during('gated', 'both', () => {
        const logits = made.apply(x, { training: false })
        remember()
        return logits
      }),
    calibrateClips: (x) =>
      during('calibrating', 'both', () => {
        made.apply(x, { training: false })
      }),
  }
  return Object.defineProperties(self, Object.getOwnPropertyDescriptors(made)) as SuperBitNetwork
}

const emptyPass = (): Pass => ({ layers: [], masks: [], open: [], scores: [] })

function selectedIn({ ladder, groups }: SuperBitPlan, pass: Pass, choice: BitChoice): BitChoice {
  return {
    bits: choice.bits.map((own, at) => {
      const { weights, activations } = pass.layers[at] ?? {}
      return {
        weights: weights ? bitsOf(weights.gates.open, ladder) : own.weights,
        activations: activations ? bitsOf(activations.gates.open, ladder) : own.activations,
      }
    }),
    kept: groups.map((_, g) => (pass.open[g] ?? []).flatMap((open, c) => (open === 1 ? [c] : []))),
  }
}

/**
 * ln R with R = Σ_l bits_w·bits_a·multiply-adds, differentiable in the gates of this turn and in every filter that is
 * kept: dR/dg is what the widths after the gate would add, and dR/dC′ is the cost of one more channel in the layers
 * that write and read it.
 */
function logBops(plan: SuperBitPlan, pass: Pass, { bits }: BitChoice, turn: Turn): tf.Scalar {
  const { layers, ladder } = plan
  const keptFilters = pass.masks.map((_, g) => {
    const { groupSize } = plan.groups[g] as (typeof plan.groups)[number]
    return groupSize * (pass.open[g] as readonly number[]).reduce((sum, open) => sum + open, 0)
  })
  const multiplyAdds = multiplyAddsOf(plan, keptFilters)
  const perMultiplyAdd = bits.map(({ weights, activations }) => weights * activations)
  const total = multiplyAdds.reduce((sum, n, l) => sum + n * perMultiplyAdd[l]!, 0)
  const sides = layers.flatMap((_, at) => {
    const { weights, activations } = pass.layers[at] ?? {}
    const own = bits[at] as BitChoice['bits'][number]
    return [
      { at, quantised: turn === 'activations' ? undefined : weights, other: own.activations },
      { at, quantised: turn === 'weights' ? undefined : activations, other: own.weights },
    ].flatMap(({ quantised, ...rest }) => (quantised?.open ? [{ ...rest, ...quantised, open: quantised.open }] : []))
  })
  const ofGates = sides.map(({ at, gates, other }) =>
    gateGradients(
      gates.open,
      ladder.map((width) => width * other * multiplyAdds[at]!),
    ),
  )
  const ofFilters = pass.masks.map((_, g) =>
    layers.reduce((sum, { inputGroup, outputGroup }, l) => {
      const cost = multiplyAdds[l]! * perMultiplyAdd[l]!
      const times = (inputGroup === g ? 1 : 0) + (outputGroup === g ? 1 : 0)
      return sum + (times * cost) / keptFilters[g]!
    }, 0),
  )
  const inputs = [...sides.map(({ open }) => open), ...pass.masks]
  if (inputs.length === 0) return tf.scalar(Math.log(total))
  return tf.customGrad(() => ({
    value: tf.scalar(Math.log(total)),
    gradFunc: (dy: tf.Tensor) => [
      ...ofGates.map((gradient) => tf.mul(tf.tensor1d(gradient), tf.div(dy, total))),
      ...pass.masks.map((mask, g) => tf.mul(tf.fill(mask.shape, ofFilters[g] as number), tf.div(dy, total))),
    ],
  }))(...inputs) as tf.Scalar
}

/** Gates at given mean residuals, with the present thresholds. */
export const gatesAt = (means: readonly number[], threshold: tf.Variable | undefined) =>
  threshold ? gatesOf(means, threshold.dataSync()) : undefined
