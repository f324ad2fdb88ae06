import { seeded } from 'archloom'
import { describe, expect, it } from 'vitest'
import {
  ActorCritic,
  actionGradient,
  criticGradient,
  criticPass,
  newCritic,
  type Transition,
} from '../../../plugins/cacp/actor-critic.ts'
import { explorationSd, truncatedNormal } from '../../../plugins/cacp/exploration.ts'
import {
  addGradient,
  clearGradients,
  denseLayer,
  forward,
  inputGradient,
  rectify,
  softUpdate,
} from '../../../plugins/cacp/perceptron.ts'
import { Replay } from '../../../plugins/cacp/replay.ts'

const form = {
  hidden: 24,
  actorLearningRate: 1e-4,
  criticLearningRate: 1e-3,
  tau: 0.01,
  discount: 1,
  baselineRate: 0.5,
}
const normals = (count: number, seed: number) => {
  const rng = seeded(seed)
  return Float64Array.from({ length: count }, () => rng.normal())
}
const sum = (values: Iterable<number>) => [...values].reduce((all, value) => all + value, 0)

describe('layers', () => {
  it('give products, and gradients that agree with differences', () => {
    const layer = denseLayer(7, 9, seeded(1))
    const x = rectify(normals(5 * 7, 2))
    const upstream = normals(5 * 9, 3)
    const loss = () => sum(forward(layer, x, 5).map((y, i) => y * upstream[i]!))
    const y = forward(layer, x, 5)
    for (let row = 0; row < 5; row++)
      for (let o = 0; o < 9; o++) {
        const direct = sum(Array.from({ length: 7 }, (_, i) => x[row * 7 + i]! * layer.weight[i * 9 + o]!))
        expect(y[row * 9 + o]).toBeCloseTo(direct + layer.bias[o]!, 12)
      }
    addGradient(layer, x, upstream, 5)
    const slope = (array: Float64Array, i: number) => {
      const old = array[i] as number
      const at = (value: number) => {
        array[i] = value
        return loss()
      }
      const difference = (at(old + 1e-5) - at(old - 1e-5)) / 2e-5
      array[i] = old
      return difference
    }
    for (const i of [0, 10, 62]) expect(layer.weightGradient[i]).toBeCloseTo(slope(layer.weight, i), 6)
    for (const o of [0, 8]) expect(layer.biasGradient[o]).toBeCloseTo(slope(layer.bias, o), 6)
    const dx = inputGradient(layer, upstream, 5)
    const masked = inputGradient(layer, upstream, 5, x)
    for (let i = 0; i < x.length; i++) {
      expect(dx[i]).toBeCloseTo(slope(x, i), 6)
      expect(masked[i]).toBe(x[i] === 0 ? 0 : dx[i])
    }
  })
})

describe('the agent', () => {
  it('CO9 exploration shrinks by 0.95 an episode: 0.475, 0.45125, …', () => {
    expect([1, 2, 3].map((n) => explorationSd(n))).toEqual([0.5 * 0.95, 0.5 * 0.95 ** 2, 0.5 * 0.95 ** 3])
    expect(explorationSd(1)).toBeCloseTo(0.475, 12)
    expect(explorationSd(2)).toBeCloseTo(0.45125, 12)
  })

  it('explores inside [0, 1], around the mean, and not at all without noise', () => {
    const rng = seeded(1)
    const draws = Array.from({ length: 4000 }, () => truncatedNormal(0.5, 0.2, rng))
    expect(Math.min(...draws)).toBeGreaterThanOrEqual(0)
    expect(Math.max(...draws)).toBeLessThanOrEqual(1)
    expect(sum(draws) / draws.length).toBeCloseTo(0.5, 1)
    expect(truncatedNormal(0.3, 0, rng)).toBe(0.3)
    expect(truncatedNormal(5, 1e-6, rng)).toBe(1)
  })

  it('CO10 the target of a last step is R − b; b follows batch means 1, 3 as 1, 2', () => {
    const agent = new ActorCritic({ ...form, states: 2 }, seeded(1))
    const batch = (reward: number): Transition[] => [
      { state: [0, 1], action: 0.5, reward, next: [0, 1], last: true },
      { state: [1, 1], action: 0.2, reward, next: [1, 1], last: true },
    ]
    expect([...agent.targets(batch(1))]).toEqual([0, 0])
    expect(agent.baseline).toBe(1)
    expect([...agent.targets(batch(3))]).toEqual([1, 1])
    expect(agent.baseline).toBe(2)
    // Before the last step, what the target networks expect is added.
    const more = agent.targets(batch(2).map((each) => ({ ...each, last: false })))
    for (const target of more) expect(target).not.toBe(0)
  })

  it('CO11 a soft update brings the target nearer by 0.99 at each step', () => {
    const [target, source] = [denseLayer(3, 4, seeded(1)), denseLayer(3, 4, seeded(2))]
    const before = target.weight.map((value, i) => value - source.weight[i]!)
    for (let n = 0; n < 200; n++) softUpdate([target], [source], 0.01)
    target.weight.forEach((value, i) => {
      expect(value - source.weight[i]!).toBeCloseTo(before[i]! * 0.99 ** 200, 9)
    })
  })

  it('CO12 the critic begins with ReLU(W₁s + b₁ + W₂a + b₂); its slopes agree with differences', () => {
    const critic = newCritic(3, 8, seeded(4))
    const [ofState, ofAction] = critic
    const states = normals(2 * 3, 5)
    const actions = Float64Array.of(0.3, 0.8)
    const pass = criticPass(critic, states, actions, 2)
    for (let row = 0; row < 2; row++)
      for (let o = 0; o < 8; o++) {
        const state = sum([0, 1, 2].map((i) => states[row * 3 + i]! * ofState.weight[i * 8 + o]!))
        const action = actions[row]! * ofAction.weight[o]!
        const expected = Math.max(0, state + ofState.bias[o]! + action + ofAction.bias[o]!)
        expect(pass.first[row * 8 + o]).toBeCloseTo(expected, 12)
      }
    const slopes = actionGradient(critic, pass, Float64Array.of(1, 1), 2)
    const value = (at: Float64Array, row: number) => criticPass(critic, states, at, 2).value[row] as number
    for (let row = 0; row < 2; row++) {
      const moved = (by: number) => actions.map((a, i) => (i === row ? a + by : a))
      expect(slopes[row]).toBeCloseTo((value(moved(1e-6), row) - value(moved(-1e-6), row)) / 2e-6, 5)
    }
    clearGradients(critic)
    criticGradient(critic, pass, states, actions, Float64Array.of(1, 0), 2)
    const bias = ofAction.bias
    const at = (by: number) => {
      bias[3] = bias[3]! + by
      const q = value(actions, 0)
      bias[3] = bias[3]! - by
      return q
    }
    expect(ofAction.biasGradient[3]).toBeCloseTo((at(1e-6) - at(-1e-6)) / 2e-6, 5)
  })

  it('the replay forgets the oldest and draws nothing twice', () => {
    const replay = new Replay(5)
    for (let n = 0; n < 8; n++) replay.push({ state: [n], action: 0, reward: n, next: [n], last: true })
    expect(replay.items.map(({ reward }) => reward)).toEqual([3, 4, 5, 6, 7])
    const drawn = replay.sample(4, seeded(1)).map(({ reward }) => reward)
    expect(new Set(drawn).size).toBe(4)
    expect(replay.sample(64, seeded(1))).toHaveLength(5)
  })
})

/** A bandit of one step: the state is the rate (or nothing), the reward depends on the raw action. */
function bandit(
  reward: (action: number, rate: number) => number,
  sees: boolean,
  rates: readonly number[],
  episodes: number,
) {
  const rng = seeded(7)
  const agent = new ActorCritic(
    { ...form, states: 1, hidden: 24, actorLearningRate: 1e-3, criticLearningRate: 5e-3 },
    rng.fork('agent'),
  )
  const replay = new Replay(400)
  const seen = (rate: number) => [sees ? rate : 0]
  for (let episode = 0; episode < episodes; episode++) {
    const rate = rates[episode % rates.length] as number
    const state = seen(rate)
    const learned = episode - 60
    const action =
      learned <= 0 ? rng.float() : truncatedNormal(agent.act(state), explorationSd(learned, 0.5, 0.98), rng)
    replay.push({ state, action, reward: reward(action, rate), next: state, last: true })
    if (learned > 0) for (let k = 0; k < 4; k++) agent.update(replay.sample(32, rng))
  }
  return rates.map((rate) => agent.act(seen(rate)))
}

describe('what the agent learns', () => {
  it('CO13 a bandit with reward −(a − 0.37)²: within 0.05 after 300 episodes', () => {
    const [action] = bandit((a) => -((a - 0.37) ** 2), true, [0.5], 300)
    expect(Math.abs((action as number) - 0.37)).toBeLessThan(0.05)
  })

  it('CO14 with reward −(a − β)² the action follows the rate; blind to it, it is their mean', () => {
    const rates = [0.3, 0.5, 0.7]
    const reward = (a: number, rate: number) => -((a - rate) ** 2)
    const actions = bandit(reward, true, rates, 600)
    rates.forEach((rate, r) => {
      expect(Math.abs(actions[r]! - rate)).toBeLessThan(0.1)
    })
    const blind = bandit(reward, false, rates, 600)
    expect(Math.abs(blind[0]! - 0.5)).toBeLessThan(0.1)
    expect(new Set(blind).size).toBe(1)
  })
})
