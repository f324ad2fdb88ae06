import * as tf from '@tensorflow/tfjs-core'
import { optionNames } from '../../options/index.ts'
import { fanInUniform, type Initialiser, zeros } from '../initialisers.ts'
import type { Layer, VariableScope } from '../scope.ts'
import { positiveInteger, takesChannels } from './geometry.ts'

export interface DenseOptions {
  readonly inputs: number
  readonly units: number
  /** Default true. */
  readonly bias?: boolean
  /** Default U(±1/√inputs). */
  readonly initialiser?: Initialiser
}

const denseNames = optionNames<DenseOptions>('dense', { inputs: true, units: true, bias: true, initialiser: true })

/** [..., inputs] → [..., units]; kernel [inputs, units]. */
export function dense(scope: VariableScope, options: DenseOptions): Layer {
  denseNames(options)
  const inputs = positiveInteger('dense', 'inputs', options.inputs)
  const units = positiveInteger('dense', 'units', options.units)
  const kernel = scope.weight('kernel', [inputs, units], options.initialiser ?? fanInUniform())
  const bias = (options.bias ?? true) ? scope.weight('bias', [units], zeros) : undefined
  const name = scope.pathOf('kernel')

  return takesChannels('dense', inputs, (x, mode) => {
    const rows = x.rank === 2 ? (x as tf.Tensor2D) : tf.reshape(x, [-1, inputs] as [number, number])
    if (mode.training && mode.tap)
      mode.tap({ name, kernel, ...(bias && { bias }), input: rows, geometry: { kind: 'dense' } })
    const product = tf.matMul(rows, kernel as unknown as tf.Tensor2D)
    const y = bias ? tf.add(product, bias) : product
    return x.rank === 2 ? y : tf.reshape(y, [...x.shape.slice(0, -1), units])
  })
}
