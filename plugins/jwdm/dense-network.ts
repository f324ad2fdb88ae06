import type { Random } from '../../core/index.ts'
import { optionError, optionNames } from '../../core/options/index.ts'
import { variableScope } from '../../core/tensor/index.ts'
import { type Domain, type JointNetwork, jointNetwork } from './joint-network.ts'
import { perceptron } from './perceptron.ts'

export interface DenseJointNetworkOptions {
  /** Coordinates of a point of each domain; they may differ. */
  readonly x: number
  readonly y: number
  /** Coordinates of a code. Default 2. */
  readonly latent?: number
  /** Units of the hidden layers, of critics as well. Default [64, 64]. */
  readonly hidden?: readonly number[]
  readonly rng: Random
}

const denseJointNetworkNames = optionNames<DenseJointNetworkOptions>('denseJointNetwork', {
  x: true,
  y: true,
  latent: true,
  hidden: true,
  rng: true,
})

/** Fully connected encoders, decoders (ReLU) and critics (leaky ReLU), for points. Error: ARCHLOOM_OPTION. */
export function denseJointNetwork(options: DenseJointNetworkOptions): JointNetwork {
  denseJointNetworkNames(options)
  const { latent = 2, hidden = [64, 64], rng } = options
  const sizes = { x: options.x, y: options.y, latent, ...Object.fromEntries(hidden.map((n, i) => [`hidden[${i}]`, n])) }
  for (const [option, received] of Object.entries(sizes))
    if (!Number.isInteger(received) || received < 1)
      throw optionError('denseJointNetwork', option, received, 'a whole number of at least 1')
  const scope = variableScope({ rng })
  const critics = scope.child('critics')
  const critic = (name: string, size: number) => perceptron(critics.child(name), [size, ...hidden, 1], 'leaky')
  const domain = (name: 'x' | 'y'): Domain => ({
    shape: [options[name]],
    encode: perceptron(scope.child(`encoder_${name}`), [options[name], ...hidden, latent], 'relu'),
    decode: perceptron(scope.child(`decoder_${name}`), [latent, ...hidden, options[name]], 'relu'),
    criticise: critic(name, options[name]),
  })
  const latentShape = [latent]
  return jointNetwork({ scope, latentShape, x: domain('x'), y: domain('y'), criticiseLatent: critic('latent', latent) })
}
