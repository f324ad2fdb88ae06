import {
  createSearch,
  defineSpace,
  type EvaluatorDefinition,
  type EvaluatorFunction,
  integer,
  memoryStore,
  oneOf,
  product,
  readEvents,
  real,
  seeded,
  virtualClock,
  when,
} from 'archloom'
import { grid } from 'archloom/plugins/grid'
import { type PbtOptions, pbt, perturb, perturbation, populationBasedTraining } from 'archloom/plugins/pbt'
import { controllerContract, schedulerContract } from 'archloom/testing'
import { describe, expect, it } from 'vitest'

schedulerContract('pbt', populationBasedTraining())
schedulerContract('pbt, small', populationBasedTraining({ population: 4, generations: 3, truncation: 0.5 }))
controllerContract('perturb', perturbation(), { learns: false })

const STEPS = 200

/**
 * The toy problem of the paper (section 4.1): maximise 1.2 − a² − b² from a = b = 0.9, by gradient steps on a surrogate
 * that sees only the share `h` of a and 1 − h of b.
 */
const toy =
  (shareOf: (h: never) => number): EvaluatorFunction<{ h: never }> =>
  ({ h }, { fidelity }, { checkpoint, saveCheckpoint }) => {
    const share = shareOf(h)
    const data = checkpoint ? checkpoint.data.slice() : new Uint8Array(new Float64Array([0, 0.9, 0.9]).buffer)
    const state = new Float64Array(data.buffer)
    for (; state[0]! < Math.round(STEPS * fidelity); state[0]!++) {
      state[1]! -= 0.02 * 2 * share * state[1]!
      state[2]! -= 0.02 * 2 * (1 - share) * state[2]!
    }
    saveCheckpoint?.(data)
    return { quality: 1.2 - state[1]! ** 2 - state[2]! ** 2 }
  }

const extremes = defineSpace('extremes', product({ h: oneOf('a', 'b') }))
const oneAtATime = toy((h: 'a' | 'b') => (h === 'a' ? 1 : 0))

const search = (given: PbtOptions, more: object = {}) =>
  createSearch({
    space: extremes,
    evaluator: oneAtATime as never,
    plugins: [pbt(given), perturb()],
    objectives: { quality: 'maximise' },
    budget: { maxTrials: 30 },
    clock: virtualClock(),
    study: memoryStore(),
    ...more,
  })

describe('the toy problem of the paper', () => {
  it('is solved by changing the hyperparameter on the way, and by no fixed one', async () => {
    await using fixed = search({}, { plugins: [grid()], budget: { maxTrials: 2 } })
    await fixed.finish()
    expect(fixed.record().trials.map(({ metrics }) => metrics.quality)).toEqual([
      expect.closeTo(1.2 - 0.81, 3),
      expect.closeTo(1.2 - 0.81, 3),
    ])
    const found: number[] = []
    for (let seed = 1; seed <= 20; seed++) {
      const given = { population: 4, generations: 20, truncation: 0.5 }
      await using changing = search(given, { seed, budget: { maxTrials: 60 } })
      await changing.finish()
      found.push(changing.best(1)[0]!.metrics.quality!)
    }
    const mean = found.reduce((sum, value) => sum + value, 0) / found.length
    expect(mean).toBeCloseTo(1.185, 2)
    expect(Math.min(...found)).toBeCloseTo(1.042, 2)
  })

  it('continues exactly the state of the trial that it names', async () => {
    await using changing = search({ population: 4, generations: 5 }, { budget: { maxTrials: 8 } })
    await changing.finish()
    const { trials } = changing.record()
    const children = trials.filter(({ checkpointOf }) => checkpointOf !== undefined)
    expect(children).toHaveLength(4)
    for (const { checkpointOf, rungs, genotype } of children) {
      const parent = trials[checkpointOf!]!
      const [{ fidelity, metrics }] = [rungs[0]!]
      const before = parent.rungs.findLast((rung) => rung.fidelity < fidelity)!
      expect(fidelity - before.fidelity).toBeCloseTo(1 / 5)
      // Undo the parent's stretch: with the same hyperparameter, the child's equals the parent's next one.
      const after = parent.rungs.find((rung) => rung.fidelity === fidelity)
      if (after && parent.genotype[0] === genotype[0]) expect(metrics).toEqual(after.metrics)
      expect(metrics.quality).toBeGreaterThan(before.metrics.quality!)
    }
  })

  it('gives the controller the genotype of that trial, and says it in the events', async () => {
    const store = memoryStore()
    await using changing = search({ population: 4, generations: 5 }, { study: store, budget: { maxTrials: 8 } })
    await changing.finish()
    const events = await readEvents(store)
    const proposals = events.filter((event) => event.type === 'trial.proposed')
    for (const { checkpointOf, given, fidelity } of proposals.slice(4)) {
      expect(given?.from).toEqual(proposals[checkpointOf!]!.genotype)
      expect(fidelity ?? 1).toBeGreaterThan(1 / 5)
    }
    // The four members of the population always complete; each replacement closes the trial that it replaces.
    expect(changing.state()).toMatchObject({ completed: 4, pruned: 4, resting: [] })
  })

  it('keeps a checkpoint as long as a trial continues from it, and none afterwards', async () => {
    const store = memoryStore()
    const parallel: EvaluatorDefinition<{ h: never }> = {
      kind: 'from-scratch',
      name: 'toy',
      metrics: ['quality'],
      concurrency: 3,
      create: () => ({
        kind: 'from-scratch',
        name: 'toy',
        async evaluate(request, context) {
          for (let turn = (request.trial * 7) % 5; turn > 0; turn--) await new Promise(setImmediate)
          return { metrics: await oneAtATime(request.architecture, request, context) }
        },
      }),
    }
    await using changing = search(
      { population: 6, generations: 6, truncation: 0.5 },
      { study: store, concurrency: 3, commit: 'arrival', evaluator: parallel },
    )
    await changing.finish()
    expect(changing.state()).toMatchObject({ failed: 0 })
    expect(changing.record().trials.some(({ checkpointOf }) => checkpointOf !== undefined)).toBe(true)
    await changing[Symbol.asyncDispose]()
    expect(await store.artifacts.list()).toEqual([])
  })

  it('fills the places of failed trials from the best', async () => {
    let failures = 0
    const evaluator: EvaluatorFunction<{ h: never }> = (architecture, request, context) => {
      if (request.trial < 3 && request.fidelity > 0.3) {
        failures++
        throw new Error(`trial ${request.trial} is out of luck`)
      }
      return oneAtATime(architecture, request, context)
    }
    await using changing = search({ population: 6, generations: 4 }, { evaluator })
    await changing.finish()
    expect(failures).toBeGreaterThan(0)
    expect(changing.state()).toMatchObject({ failed: failures, status: 'finished', resting: [] })
    expect(changing.state().completed).toBeGreaterThanOrEqual(6)
  })

  it('says that an evaluator without checkpoints cannot be continued', async () => {
    await using changing = search({ population: 4 }, { evaluator: () => ({ quality: 1 }) })
    await expect(changing.finish()).rejects.toMatchObject({ code: 'ARCHLOOM_SCHEDULER_CHECKPOINT' })
  })
})

describe('perturb', () => {
  const space = defineSpace(
    'training',
    product({
      rate: real(1e-4, 1, { scale: 'log' }),
      batch: integer(1, 6),
      kind: oneOf('sgd', 'adam'),
    }),
  )
  const from = space.encode({ rate: 0.1, batch: 2, kind: 'adam' })

  it('multiplies or divides real decisions, moves ordered choices by one, and keeps the others', () => {
    const controller = perturbation({ factor: 1.5, resample: 0 })(space, seeded(1))
    const seen = Array.from({ length: 40 }, (_, i) => controller.propose(seeded(i), { from }) as { genotype: number[] })
    expect(new Set(seen.map(({ genotype }) => genotype[0]!.toFixed(5)))).toEqual(new Set(['0.15000', '0.06667']))
    expect(new Set(seen.map(({ genotype }) => genotype[1]))).toEqual(new Set([0, 2]))
    expect(new Set(seen.map(({ genotype }) => genotype[2]))).toEqual(new Set([1]))
  })

  it('stays within the ends of a decision, and changes only what it is told to', () => {
    const controller = perturbation({ only: ['rate'], resample: 0 })(space, seeded(1))
    const end = space.encode({ rate: 1, batch: 6, kind: 'sgd' })
    for (let i = 0; i < 20; i++) {
      const { genotype } = controller.propose(seeded(i), { from: end }) as { genotype: number[] }
      expect([1, 1 / 1.2]).toContainEqual(expect.closeTo(genotype[0]!, 9))
      expect(genotype.slice(1)).toEqual(end.slice(1))
    }
  })

  it('refuses the name of a decision that the space lacks', () => {
    expect(() => perturbation({ only: ['rates'] })(space, seeded(1))).toThrow(/"rates".*"rate"/)
  })

  it('draws decisions that become active', () => {
    const conditional = defineSpace(
      'conditional',
      product({ momentum: when(oneOf(true, false), () => real(0.5, 0.99)) }),
    )
    const controller = perturbation({ resample: 1 })(conditional, seeded(1))
    const without = conditional.encode({ momentum: null })
    for (let i = 0; i < 20; i++) {
      const { genotype } = controller.propose(seeded(i), { from: without }) as { genotype: number[] }
      expect(conditional.validate(genotype).ok).toBe(true)
    }
  })
})
