import type { EvaluatorDefinition } from '../../core/evaluator.ts'
import { optionError, optionNames, pickOptions } from '../../core/options/index.ts'
import { seeded } from '../../core/random.ts'
import { useEngine } from '../../core/tensor/index.ts'
import type { LatencyOptions } from './latency.ts'
import { type BitOptions, profileNetwork } from './profile.ts'

export interface ProfilerOptions extends BitOptions {
  /** Shape of one input. */
  readonly input: readonly number[]
  readonly classes: number
  /** Measure `latencyMs` too. Default false. */
  readonly latency?: boolean | LatencyOptions
  /** Name of the tensor engine. Default 'auto'. */
  readonly engine?: string
}

const profilerNames = optionNames<ProfilerOptions>('profiler', {
  weights: true,
  activations: true,
  input: true,
  classes: true,
  latency: true,
  engine: true,
})

/**
 * Builds every architecture and reports `multiplyAdds`, `parameters`, `bops`, `bytes` and on request `latencyMs`;
 * nothing is trained. Errors: ARCHLOOM_OPTION, ARCHLOOM_PROFILE_LAYER_TABLE.
 */
export function profiler(options: ProfilerOptions): EvaluatorDefinition {
  profilerNames(options)
  const { input, classes, latency = false } = options
  if (!Array.isArray(input) || input.length === 0 || !input.every((size) => Number.isInteger(size) && size > 0))
    throw optionError('profile', 'input', input, 'the shape of one input')
  const name = 'profile'
  return {
    kind: 'zero-cost',
    name,
    needs: ['networks'],
    metrics: ['multiplyAdds', 'parameters', 'bops', 'bytes', ...(latency ? ['latencyMs'] : [])],
    create: async ({ space }) => {
      await useEngine(options.engine)
      return {
        kind: 'zero-cost',
        name,
        evaluate: async ({ architecture, seed }, { signal }) => {
          signal.throwIfAborted()
          const { build } = space
          if (!build) throw optionError('profile', 'space', space.name, 'a space with networks')
          using network = build(architecture, { input, classes, rng: seeded(seed) })
          const profile = await profileNetwork(network, {
            ...pickOptions(options, ['weights', 'activations']),
            latency,
          })
          const { multiplyAdds, parameters, bops, bytes } = profile
          const measured = profile.latency && { latencyMs: profile.latency.milliseconds }
          return { metrics: { multiplyAdds, parameters, bops, bytes, ...measured } }
        },
      }
    },
  }
}
