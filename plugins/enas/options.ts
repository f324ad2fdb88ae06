import {
  among,
  either,
  group,
  number,
  type OptionsOf,
  options,
  type ReadOptionsOf,
  whole,
} from '../../core/options/index.ts'
import { type Deciding, oneShotDeciding, oneShotFields, oneShotRenamed } from '../../evaluators/weight-sharing/index.ts'

/**
 * Defaults are those of the released micro search: 150 epochs, SGD 0.05 → 0.0005 with Nesterov momentum 0.9, weight
 * decay 1e-4 and gradients of norm ≤ 5 (here one cosine, there with restarts); 30 policy steps of 10 architectures.
 */
export const defaults = { epochs: 150, learningRate: 0.05, minLearningRate: 0.0005, nesterov: true, weightDecay: 1e-4 }
const positive = { above: 0 } as const
const moved = Object.fromEntries(
  ['hidden', 'tanhConstant', 'operationTanhReduction', 'temperature', 'entropyWeight', 'baselineDecay'].map((name) => [
    name,
    `controller.${name}`,
  ]),
)

export const declared = options(
  'enas',
  {
    ...oneShotFields(defaults),
    /** The policy and its training. */
    controller: group({
      /** Size of the LSTM's state and embeddings. Default 64. */
      hidden: whole({ min: 1, default: 64 }),
      /** Logits are c · tanh(logits / temperature); null: they are not squashed. Default c = 1.1. */
      tanhConstant: either([among([null]), number(positive)], { default: 1.1 }),
      /** c is divided by it where an operation is chosen. Default 2.5. */
      operationTanhReduction: number({ ...positive, default: 2.5 }),
      /** Logits are divided by it. Default 1. */
      temperature: number({ ...positive, default: 1 }),
      /** Of Adam, on the policy. Default 0.0035. */
      learningRate: number({ ...positive, default: 0.0035 }),
      /** λ: the entropy in nats times λ joins the reward, as a number. Default 1e-4. */
      entropyWeight: number({ min: 0, default: 1e-4 }),
      /** Share of the old value in the moving baseline, which starts at 0. Default 0.99. */
      baselineDecay: number({ min: 0, below: 1, default: 0.99 }),
    }),
    /** Policy steps after each epoch of weight steps. Default 30. */
    policySteps: whole({ min: 1, default: 30 }),
    /** Architectures of a policy step, each on a validation batch of its own. Default 10. */
    policyBatch: whole({ min: 1, default: 10 }),
    /** Architectures tried at the end: the likeliest one and draws from the trained policy, each once. Default 10. */
    candidates: whole({ min: 1, default: 10 }),
  },
  { renamed: { ...oneShotRenamed, ...moved } },
)
export type EnasOptions = OptionsOf<typeof declared>
export type ReadEnasOptions = ReadOptionsOf<typeof declared>

export const deciding: Deciding<ReadEnasOptions> = {
  ...oneShotDeciding,
  controller: true,
  policySteps: true,
  policyBatch: true,
  candidates: true,
}
