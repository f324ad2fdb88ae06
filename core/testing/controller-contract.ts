import { describe, expect, it } from 'vitest'
import type { Ask, Controller, ControllerFactory, Observation, Proposal } from '../controller.ts'
import { optionNames } from '../options/index.ts'
import { type Random, seeded } from '../random.ts'
import type { Genotype, Json } from '../space/decision.ts'
import type { SearchSpace } from '../space/space.ts'
import { expectNoLeak } from './leaks.ts'
import { banditSpace, stockSpaces } from './spaces.ts'

export interface ControllerContractOptions {
  /** Spaces to test in addition to the built-in ones. */
  readonly spaces?: readonly SearchSpace[]
  /** Number of trials of each trajectory; more than the initial phase of the controller needs. Default: 60. */
  readonly trials?: number
  /**
   * The bandit: 4 decisions of 4 options (256 arms), noisy rewards, 20 seeds. A seed succeeds when the best arm is
   * pulled within `pulls` (default 150; uniform choice succeeds in 44 % of seeds) in at least `successRate` (default
   * 0.9) of them; and the mean value of the last quarter of the pulls must exceed 0.6 (uniform choice: 0.5; the best
   * arm: 1). False skips this test, for a controller that does not learn.
   */
  readonly learns?: false | { readonly pulls?: number; readonly successRate?: number }
}

/** A made-up measurement that depends on the genotype only; every seventh trial fails. */
function measure(trial: number, proposal: Proposal, failing: (trial: number) => boolean): Observation {
  if (failing(trial)) return { trial, proposal, objectives: [], metrics: {} }
  const rng = seeded(JSON.stringify(proposal.genotype))
  const [accuracy, cost] = [rng.float(), rng.float()]
  return { trial, proposal, reward: accuracy, objectives: [accuracy, -cost], metrics: { accuracy, cost } }
}

/** The proposal in a controller's answer; throws if the answer is not a proposal. */
export function proposed(answer: Ask): Proposal {
  if (typeof answer === 'string') throw new Error(`the controller answered ${answer}`)
  return answer
}

const everySeventh = (trial: number) => trial % 7 === 3

interface Trajectory {
  readonly proposals: readonly Proposal[]
  readonly diagnostics: readonly Readonly<Record<string, number>>[]
}

/**
 * Runs trials `from` (inclusive) to `to` (exclusive), one at a time. The randomness of trial k depends on (rng, k)
 * only.
 */
function advance(
  controller: Controller,
  rng: Random,
  from: number,
  to: number,
  observe: (trial: number, proposal: Proposal) => Observation = (trial, p) => measure(trial, p, everySeventh),
): Trajectory {
  const proposals: Proposal[] = []
  const diagnostics: Readonly<Record<string, number>>[] = []
  for (let trial = from; trial < to && controller.exhausted !== true; trial++) {
    const proposal = controller.propose(rng.fork(`propose/${trial}`))
    // No result is outstanding, so the controller may be exhausted but must not wait.
    expect(proposal, 'a controller waits only while a result is outstanding').not.toBe('wait')
    if (typeof proposal === 'string') break
    proposals.push(proposal)
    diagnostics.push(controller.observe([observe(trial, proposal)]))
  }
  return { proposals, diagnostics }
}

const plain = (value: Json): Json => JSON.parse(JSON.stringify(value)) as Json

const controllerContractNames = optionNames<ControllerContractOptions>('controllerContract', {
  spaces: true,
  trials: true,
  learns: true,
})

/**
 * Tests for what every controller must guarantee (see `Controller`). Call it at the top level of a test file.
 *
 *     controllerContract('hill climbing', hillClimbing({ restarts: 3 }))
 */
export function controllerContract(
  name: string,
  factory: ControllerFactory,
  given: ControllerContractOptions = {},
): void {
  const { spaces = [], trials = 60, learns = {} } = controllerContractNames(given)
  describe(`${name} keeps the contract of controllers`, () => {
    for (const space of [...stockSpaces(), ...spaces])
      describe(`on the space ${space.name}`, () => {
        const start = (seed: number) => factory(space, seeded(seed).fork('controller'))

        it('proposes members of the space, with finite log-probabilities and plain contexts', () => {
          using controller = start(1)
          const { proposals } = advance(controller, seeded(1), 0, trials)
          expect(proposals.length).toBeGreaterThan(0)
          for (const { genotype, logProbability, context } of proposals) {
            const valid = space.validate(genotype)
            expect(valid.ok, valid.ok ? '' : valid.error.message).toBe(true)
            if (logProbability !== undefined) expect(Number.isFinite(logProbability)).toBe(true)
            if (context !== undefined) expect(plain(context)).toEqual(context)
          }
        })

        it('proposes the same from the same seed', () => {
          using first = start(2)
          using second = start(2)
          expect(advance(first, seeded(2), 0, trials)).toEqual(advance(second, seeded(2), 0, trials))
        })

        it('makes several proposals before their observations', () => {
          const parallel = (controller: Controller, from: number, to: number) => {
            const genotypes: Genotype[] = []
            for (let trial = from; trial < to && controller.exhausted !== true; trial += 3) {
              const open = [0, 1, 2]
                .map((i) => controller.propose(seeded(5).fork(trial + i)))
                .filter((proposal) => typeof proposal === 'object')
              if (open.length === 0) break
              genotypes.push(...open.map(({ genotype }) => genotype))
              controller.observe(open.map((proposal, i) => measure(trial + i, proposal, everySeventh)))
            }
            return genotypes
          }
          using first = start(5)
          using second = start(5)
          const genotypes = parallel(first, 0, trials)
          for (const genotype of genotypes) expect(space.validate(genotype).ok).toBe(true)
          expect(parallel(second, 0, trials)).toEqual(genotypes)
        })

        it('accepts results at several fidelities, and of pruned and infeasible trials', () => {
          using controller = start(9)
          let told = 0
          const partly = (trial: number, proposal: Proposal): Observation => ({
            ...measure(trial, proposal, everySeventh),
            fidelity: [1 / 9, 1 / 3, 1][told++ % 3]!,
            ...(trial % 5 === 0 && { pruned: true as const }),
            ...(trial % 3 === 0 && { feasible: false, violation: 0.5 }),
          })
          const { proposals } = advance(controller, seeded(9), 0, trials, (trial, proposal) => {
            // The same trial is observed twice, the second time at full fidelity.
            controller.observe([partly(trial, proposal)])
            return measure(trial, proposal, everySeventh)
          })
          for (const { genotype } of proposals) expect(space.validate(genotype).ok).toBe(true)
        })

        it('carries on when every trial fails', () => {
          using controller = start(6)
          const { proposals } = advance(controller, seeded(6), 0, trials, (trial, p) => measure(trial, p, () => true))
          expect(proposals.length).toBeGreaterThan(0)
          for (const { genotype } of proposals) expect(space.validate(genotype).ok).toBe(true)
        })

        it('treats NaN as a failed trial', () => {
          const broken = (trial: number, proposal: Proposal): Observation => {
            const observation = measure(trial, proposal, () => false)
            const accuracy = Number.NaN
            if (!everySeventh(trial)) return observation
            return { ...observation, reward: accuracy, objectives: [accuracy, -1], metrics: { accuracy, cost: 1 } }
          }
          using failing = start(9)
          using unknown = start(9)
          const expected = advance(failing, seeded(9), 0, trials).proposals
          expect(advance(unknown, seeded(9), 0, trials, broken).proposals).toEqual(expected)
        })

        it('reports finite numbers', () => {
          using controller = start(7)
          for (const diagnostics of advance(controller, seeded(7), 0, trials).diagnostics)
            for (const [key, value] of Object.entries(diagnostics))
              expect(Number.isFinite(value), `${key} is ${value}`).toBe(true)
        })

        it('leaves no tensor behind', async () => {
          await expectNoLeak(() => {
            using controller = start(8)
            advance(controller, seeded(8), 0, Math.min(trials, 20))
          })
        })
      })

    if (learns === false) return
    const { pulls = 150, successRate = 0.9 } = learns
    it(`pulls the best of 256 arms within ${pulls} pulls in ${successRate * 100} % of 20 seeds`, () => {
      const seeds = Array.from({ length: 20 }, (_, seed) => playBandit(factory, seed, pulls))
      const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
      const found = seeds.filter(({ best }) => best).length
      expect(found / seeds.length, `best arm found in ${found} of ${seeds.length} seeds`).toBeGreaterThanOrEqual(
        successRate,
      )
      expect(mean(seeds.map(({ last }) => last)), 'mean value of the last quarter').toBeGreaterThan(0.6)
    })
  })
}

/** One game: was the best arm pulled, and the mean value of the last quarter of the pulls. */
function playBandit(factory: ControllerFactory, seed: number, pulls: number) {
  const [decisions, options] = [4, 4]
  const space = banditSpace(decisions, options)
  const rng = seeded(seed)
  const values = Array.from({ length: decisions }, () => rng.shuffle(Array.from({ length: options }, (_, i) => i / 3)))
  const worth = (genotype: Genotype) =>
    genotype.reduce((sum, option, i) => sum + ((values[i] as number[])[option] as number), 0) / decisions
  using controller = factory(space, rng.fork('controller'))
  const noise = rng.fork('noise')
  const { proposals } = advance(controller, rng, 0, pulls, (trial, proposal) => {
    const reward = worth(proposal.genotype) + 0.05 * noise.normal()
    return { trial, proposal, reward, objectives: [reward], metrics: { value: reward } }
  })
  const pulled = proposals.map(({ genotype }) => worth(genotype))
  const quarter = Math.max(1, Math.floor(pulled.length / 4))
  const mean = (part: readonly number[]) => part.reduce((sum, value) => sum + value, 0) / part.length
  return {
    best: pulled.some((value) => value > 1 - 1e-9),
    last: mean(pulled.slice(-quarter)),
  }
}
