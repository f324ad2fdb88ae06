import { seeded } from '../../../core/random.ts'
import type { NasBench201Table } from '../../../evaluators/tabular/index.ts'
import { nasBench201Space } from '../../../search-spaces/nas-bench-201/index.ts'
import { growingSpace, policyLearner } from '../index.ts'

export interface TableSettings {
  /** Total number of policy steps; each stage gets an equal share. */
  readonly steps: number
  /** Standard deviation of the noise on a reward: that of the accuracy on a batch of 96. */
  readonly noise: number
  readonly candidates: number
}

/**
 * The curriculum without shared weights: rewards are validation accuracies of a table with noise, so that only the
 * growing space of the policy has an effect. Returns the test accuracies of the architectures derived at the end and
 * after each stage.
 */
export function tableSearch(
  table: NasBench201Table,
  grow: 'operations' | 'none',
  { steps, noise, candidates }: TableSettings,
  seed: number,
): readonly number[] {
  const space = nasBench201Space()
  const rng = seeded(seed)
  const growing = growingSpace(space, { grow }, rng.fork('order'))
  const learner = policyLearner(growing, rng.fork('controller'), {
    hidden: 32,
    learningRate: 3e-3,
    baselineDecay: 0.95,
  })
  const rowOf = (choices: readonly number[]) =>
    table.lookup(space.decode(growing.toGenotype(choices)), 1).metrics as Readonly<Record<string, number>>
  const reward = (choices: readonly number[], own: typeof rng) =>
    (rowOf(choices).validationAccuracy as number) + noise * own.normal()
  const curve: number[] = []
  for (let stage = 0; stage < growing.stages; stage++) {
    growing.enter(stage)
    for (let step = 0; step < Math.round(steps / growing.stages); step++) {
      const own = rng.fork(`${stage}/${step}`)
      const { genotype } = learner.policy.sample(own)
      learner.update(genotype, reward(genotype, own))
    }
    // Candidates are ranked on the whole validation set: without the noise of a batch.
    const own = rng.fork(`derive ${stage}`)
    const drawn = Array.from({ length: candidates }, () => rowOf(learner.policy.sample(own).genotype))
    const best = drawn.reduce((a, b) => ((b.validationAccuracy as number) > (a.validationAccuracy as number) ? b : a))
    curve.push(best.testAccuracy as number)
  }
  return curve
}
