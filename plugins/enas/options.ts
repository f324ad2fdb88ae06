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
 * decay 1e-4 and gradients of norm ≤ 5 (here one cosine, in the released code with restarts); 30 policy steps of 10
 * architectures.
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
    controller: group(
      {
        hidden: whole({ min: 1, default: 64, doc: "Size of the LSTM's state and embeddings." }),
        tanhConstant: either([among([null]), number(positive)], {
          default: 1.1,
          doc: 'The constant c in c · tanh(logits / temperature); null: no tanh.',
        }),
        operationTanhReduction: number({
          ...positive,
          default: 2.5,
          doc: 'Divides c for decisions that choose an operation.',
        }),
        temperature: number({ ...positive, default: 1, doc: 'Divides the logits.' }),
        learningRate: number({ ...positive, default: 0.0035, doc: 'Learning rate of Adam for the policy.' }),
        entropyWeight: number({
          min: 0,
          default: 1e-4,
          doc: 'λ: λ times the entropy in nats is added to the reward, as a constant.',
        }),
        baselineDecay: number({
          min: 0,
          below: 1,
          default: 0.99,
          doc: 'Share of the old value in the moving-average baseline, which starts at 0.',
        }),
      },
      { doc: 'The policy and its training.' },
    ),
    policySteps: whole({ min: 1, default: 30, doc: 'Number of policy steps after each epoch of weight steps.' }),
    policyBatch: whole({
      min: 1,
      default: 10,
      doc: 'Number of architectures per policy step, each measured on a different validation batch.',
    }),
    candidates: whole({
      min: 1,
      default: 10,
      doc: 'Number of architectures evaluated at the end: the most probable one and different draws from the trained policy.',
    }),
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
