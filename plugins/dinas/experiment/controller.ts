/** D5: a policy trained by the rewards of shared weights, in a space small enough to know its best architecture. */
import { defineSpace, oneOf, product } from '../../../core/index.ts'
import { categoricalPolicy, movingAverage, policyAdam, policyGradientStep } from '../../../core/policy/index.ts'
import { ProjectedOptimizer } from '../projected.ts'
import { allChoices, rankedTask, type Update } from './task.ts'
import { protectPath, train } from './train-in-turn.ts'

const [TURNS, STEPS, UPDATES, CANDIDATES, REWARD_POINTS] = [60, 20, 10, 10, 64]
const layer = oneOf(0, 1, 2)
const space = defineSpace('27 residual networks', product({ first: layer, second: layer, third: layer }))

/**
 * Turns of weight steps on one sampled architecture and of REINFORCE on validation points, then the best of some samples.
 * @param alone accuracy of each of `allChoices` trained alone
 * @returns how much better the best of all is than the derived one, trained alone, in points
 */
export async function regretOf(
  update: Update,
  seed: number,
  alone: readonly number[],
  signal?: AbortSignal,
): Promise<number> {
  const { rng, course: lessons, supernet: make } = rankedTask(seed)
  using supernet = make()
  using course = lessons(update, rng.fork('controller order'), signal)
  const policy = categoricalPolicy(space)
  const adam = policyAdam(policy.parameters, { learningRate: 0.01 })
  const baseline = movingAverage(0.9)
  const draws = rng.fork('controller draws')
  for (let turn = 0; turn < TURNS; turn++) {
    const path = supernet.path(policy.sample(draws).genotype)
    await train(path, STEPS, course)
    // A quarter of plain training first; capacity comes back every ten turns.
    if (turn >= TURNS / 4) protectPath(path, course.shown(), course.optimizer)
    if (course.optimizer instanceof ProjectedOptimizer && (turn + 1) % 10 === 0) course.optimizer.release()
    for (let i = 0; i < UPDATES; i++) {
      const { genotype } = policy.sample(draws)
      const reward = await course.reward(supernet.path(genotype), { count: REWARD_POINTS, rng: draws })
      policyGradientStep(policy, adam, [{ genotype, advantage: baseline.advantage(reward) }], { entropyWeight: 0.005 })
    }
  }
  let best = { accuracy: Number.NEGATIVE_INFINITY, index: 0 }
  for (let i = 0; i < CANDIDATES; i++) {
    const { genotype } = policy.sample(draws)
    const accuracy = await course.reward(supernet.path(genotype))
    const index = allChoices.findIndex((choice) => choice.every((op, at) => op === genotype[at]))
    if (accuracy > best.accuracy) best = { accuracy, index }
  }
  return 100 * (Math.max(...alone) - alone[best.index]!)
}
