import * as tf from '@tensorflow/tfjs-core'
import {
  type OneShotDefinition,
  type RelaxationOptions,
  relaxedStrategy,
} from '../../evaluators/weight-sharing/index.ts'

/** ō(x) = Σ_o softmax(α)_o · o(x) on every edge: eq. (2) of the paper. α descends ∇L_val(w, α): eq. (6) with ξ = 0. */
export const continuousRelaxation =
  (options: RelaxationOptions): OneShotDefinition['strategy'] =>
  (parts) =>
    relaxedStrategy({ name: 'darts', options, relax: () => ({ weights: (alpha) => tf.softmax(alpha) }) }, parts)
