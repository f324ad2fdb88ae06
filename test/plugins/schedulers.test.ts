import {
  createSearch,
  definePlugin,
  type EvaluatorDefinition,
  memoryStore,
  type Plugin,
  readEvents,
  type SearchEvent,
  virtualClock,
} from 'archloom'
import { annealing } from 'archloom/plugins/annealing'
import { asha, asynchronousHalving, rungsOf } from 'archloom/plugins/asha'
import { cmaEs } from 'archloom/plugins/cma-es'
import { evolution } from 'archloom/plugins/evolution'
import { gp } from 'archloom/plugins/gp'
import { gridSearch } from 'archloom/plugins/grid'
import { halvingBrackets, hyperband, hyperbandBrackets, successiveHalving } from 'archloom/plugins/hyperband'
import { localSearch } from 'archloom/plugins/local-search'
import { medianRule, medianStopping, patience, patienceRule } from 'archloom/plugins/median-stopping'
import { nsga2 } from 'archloom/plugins/nsga2'
import { pbt, perturb } from 'archloom/plugins/pbt'
import { predictor } from 'archloom/plugins/predictor'
import { random } from 'archloom/plugins/random'
import { reinforce } from 'archloom/plugins/reinforce'
import { sobol } from 'archloom/plugins/sobol'
import { tpe } from 'archloom/plugins/tpe'
import { schedulerContract } from 'archloom/testing'
import { describe, expect, it } from 'vitest'
import { digits, sum } from '../core/search/parts.ts'

schedulerContract('asha', asynchronousHalving())
schedulerContract('asha, stopping', asynchronousHalving({ variant: 'stopping' }))
schedulerContract('hyperband', hyperbandBrackets())
schedulerContract('successive halving', halvingBrackets({ eta: 2, minFidelity: 1 / 8 }))
schedulerContract('median stopping', medianRule({ startup: 3 }))
schedulerContract('patience', patienceRule({ reports: 2 }))

type Digits = { readonly digit: readonly number[] }

/** Learns for 9 epochs: the curve rises to the sum of the digits; continues from where an earlier rung ended. */
const learning = (log: { epochs: number } = { epochs: 0 }): EvaluatorDefinition<Digits> => ({
  kind: 'from-scratch',
  name: 'learning',
  metrics: ['sum'],
  concurrency: 8,
  create: () => ({
    kind: 'from-scratch',
    name: 'learning',
    async evaluate({ architecture, fidelity }, { report, checkpoint, saveCheckpoint }) {
      const last = Math.round(9 * fidelity)
      let epoch = checkpoint ? checkpoint.data[0]! : 0
      let value = 0
      while (epoch < last) {
        epoch++
        log.epochs++
        value = sum(architecture) * (1 - 0.5 ** epoch)
        await Promise.resolve()
        if (report(epoch, { sum: value }) === 'stop') break
      }
      saveCheckpoint?.(Uint8Array.of(epoch))
      return { metrics: { sum: value } }
    },
  }),
})

const compose = (plugins: readonly Plugin[], more: object = {}, log = { epochs: 0 }) =>
  createSearch<Digits>({
    space: digits as never,
    evaluator: learning(log),
    plugins,
    objectives: { sum: 'maximise' },
    budget: { maxTrials: 27 },
    seed: 4,
    clock: virtualClock(),
    study: memoryStore(),
    ...more,
  })

const controllers: readonly (readonly [string, () => Plugin])[] = [
  ['random', random],
  ['evolution', () => evolution({ population: 8, sample: 3 })],
  ['reinforce', () => reinforce({ policy: 'categorical' })],
  ['local-search', localSearch],
  ['tpe', () => tpe({ startup: 4 })],
  ['gp', () => gp({ startup: 4, candidates: 10 })],
  ['cma-es', () => cmaEs({ population: 4 })],
  ['nsga2', () => nsga2({ population: 4 })],
  ['annealing', () => annealing({ startup: 4 })],
  ['sobol', sobol],
  ['predictor', () => predictor({ startup: 4, members: 4, candidates: 20 })],
  ['perturb', perturb],
]
const schedulers: readonly (readonly [string, () => Plugin])[] = [
  ['asha', asha],
  ['asha, stopping', () => asha({ variant: 'stopping' })],
  ['hyperband', hyperband],
  ['successive halving', successiveHalving],
  ['median stopping', () => medianStopping({ startup: 3 })],
  ['patience', () => patience({ reports: 3, minDelta: 0.05 })],
  ['pbt', () => pbt({ population: 6, generations: 3 })],
]

const plain = ({ at: _, ...event }: SearchEvent & { elapsedMs?: number }) => ({ ...event, elapsedMs: 0 })

describe.each(controllers)('%s', (_, controller) => {
  it.each(schedulers)(
    'with %s: every trial ends or rests, and a study cut anywhere goes on identically',
    async (_n, scheduler) => {
      const store = memoryStore()
      await using whole = compose([controller(), scheduler()], { study: store })
      const state = await whole.finish()
      expect(state).toMatchObject({ status: 'finished', proposed: 27, running: [], failed: 0 })
      expect(state.completed + state.pruned + state.resting.length).toBe(27)
      expect(state.completed).toBeGreaterThan(0)
      expect(whole.best(1)[0]!.rungs.at(-1)!.fidelity).toBe(1)

      const events = await readEvents(store)
      // After the newest trial that starts from another's checkpoint, and before its first result.
      const continued = events.findLastIndex(
        (event) => event.type === 'trial.proposed' && event.checkpointOf !== undefined,
      )
      for (const cut of [
        5,
        Math.floor(events.length / 2),
        events.length - 4,
        ...(continued < 0 ? [] : [continued + 1]),
      ]) {
        const half = memoryStore()
        half.append(events.slice(0, cut))
        for (const name of await store.artifacts.list())
          await half.artifacts.write(name, (await store.artifacts.read(name))!)
        // Checkpoints that were there at the cut: those of rungs that had ended.
        for (const event of events.slice(0, cut))
          if (event.type === 'trial.paused' && event.checkpoint)
            await half.artifacts.write(event.checkpoint, Uint8Array.of(Math.round(9 * event.fidelity)))
        await using again = compose([controller(), scheduler()], { study: half })
        expect((await again.finish()).status).toBe('finished')
        const rest = (await readEvents(half)).filter(
          ({ type }) => type !== 'search.resumed' && type !== 'trial.progress',
        )
        const expected = events.filter(({ type }) => type !== 'trial.progress')
        expect(rest.map((event) => ({ ...plain(event), seq: 0 }))).toEqual(
          expected.map((event) => ({ ...plain(event), seq: 0 })),
        )
      }
    },
  )
})

describe('a controller that ends before the budget does', () => {
  const few = (count: number) =>
    definePlugin({
      name: 'few',
      provides: ['controller'],
      needs: ['space'],
      bind: ({ controller }) =>
        controller.to((space, rng) => {
          const all = gridSearch({ shuffle: true })(space, rng)
          let left = count
          return { ...all, propose: (...given) => (left-- > 0 ? all.propose(...given) : 'exhausted') }
        }),
    })
  const ending: readonly (readonly [string, number, () => Plugin])[] = [
    ['asha', 2, () => asha()],
    ['asha, stopping', 2, () => asha({ variant: 'stopping' })],
    ['hyperband', 4, () => hyperband()],
    ['hyperband', 13, () => hyperband()],
    ['successive halving', 2, () => successiveHalving()],
    ['successive halving', 31, () => successiveHalving()],
  ]
  it.each(ending)(
    'with %s and %d proposals: some trial gets the full effort, and a cut study ends alike',
    async (name, count, scheduler) => {
      for (const concurrency of [1, 3]) {
        const store = memoryStore()
        const how = { concurrency, budget: { maxTrials: 1000 } }
        await using search = compose([few(count), scheduler()], { ...how, study: store })
        const state = await search.finish()
        expect(state).toMatchObject({ status: 'finished', proposed: count, running: [], failed: 0 })
        expect(state.completed).toBeGreaterThan(0)
        expect(search.best(1)[0]!.rungs.at(-1)!.fidelity).toBe(1)
        // No trial waits for a bracket that will never be full.
        if (!name.startsWith('asha')) expect(state.resting).toEqual([])

        const events = await readEvents(store)
        if (concurrency > 1) continue
        for (let cut = 2; cut < events.length; cut++) {
          const half = memoryStore()
          half.append(events.slice(0, cut))
          for (const event of events.slice(0, cut))
            if (event.type === 'trial.paused' && event.checkpoint)
              await half.artifacts.write(event.checkpoint, Uint8Array.of(Math.round(9 * event.fidelity)))
          await using again = compose([few(count), scheduler()], { ...how, study: half })
          await again.finish()
          const rest = (await readEvents(half)).filter(
            ({ type }) => type !== 'search.resumed' && type !== 'trial.progress',
          )
          expect(rest.map((event) => ({ ...plain(event), seq: 0 }))).toEqual(
            events.filter(({ type }) => type !== 'trial.progress').map((event) => ({ ...plain(event), seq: 0 })),
          )
        }
      }
    },
  )
})

describe('effort', () => {
  it('asha continues trials instead of repeating them, and spends a fraction of the full effort', async () => {
    const spent = { epochs: 0 }
    await using search = compose([random(), asha({ minFidelity: 1 / 9, eta: 3 })], {}, spent)
    await search.finish()
    const rungs = search.record().trials.map((trial) => trial.rungs)
    // Each trial costs its last rung's epochs, once.
    expect(spent.epochs).toBe(rungs.reduce((total, list) => total + Math.round(9 * list.at(-1)!.fidelity), 0))
    expect(spent.epochs).toBeLessThan(0.35 * 27 * 9)
    // At least one in three goes on; a few more, because the best of a rung are not known before it is full.
    const [first, second, third] = [1, 2, 3].map((n) => rungs.filter((list) => list.length >= n).length)
    expect(first).toBe(27)
    expect(second! >= 9 && second! <= 12).toBe(true)
    expect(third! >= 3 && third! <= 5).toBe(true)
  })

  it('hyperband runs the brackets of its table: 9 trials from 1/9, 5 from 1/3, 3 from 1', async () => {
    await using search = compose([random(), hyperband({ minFidelity: 1 / 9, eta: 3 })], { budget: { maxTrials: 17 } })
    await search.finish()
    const starts = search.record().trials.map(({ rungs }) => rungs[0]!.fidelity)
    const count = (fidelity: number) => starts.filter((each) => Math.abs(each - fidelity) < 1e-9).length
    expect([count(1 / 9), count(1 / 3), count(1)]).toEqual([9, 5, 3])
    // Of the first bracket 3 reach 1/3 and 1 of them the full effort; of the second one of 5.
    expect(search.state()).toMatchObject({ completed: 1 + 1 + 3, pruned: 17 - 5, resting: [] })
  })

  it('rungs grow by eta up to 1', () => {
    expect(rungsOf(1 / 9, 3).map((fidelity) => Math.round(9 * fidelity))).toEqual([1, 3, 9])
    expect(rungsOf(0.3, 2)).toEqual([0.3, 0.6, 1])
    expect(rungsOf(1, 3)).toEqual([1])
  })

  it('median stopping prunes what lies below the median, and the controller hears of it', async () => {
    const seen: unknown[] = []
    await using search = compose([random(), medianStopping({ startup: 3 })])
    search.on('trial.pruned', (event) => void seen.push(event))
    await search.finish()
    expect(search.state().pruned).toBe(seen.length)
    expect(seen.length).toBeGreaterThan(5)
    expect(seen[0]).toMatchObject({ by: 'scheduler', reward: expect.any(Number) })
    const told = search.record().trials.filter(({ status }) => status === 'pruned')
    expect(Math.max(...told.map(({ reward }) => reward!))).toBeLessThan(search.best(1)[0]!.reward)
  })

  it('median stopping decides the same in order, however fast each trial runs', async () => {
    const speeds = [() => 0, (trial: number) => (trial * 7) % 5, (trial: number) => (trial % 3 === 0 ? 9 : 1)]
    const outcomes: string[][] = []
    for (const turns of speeds) {
      const evaluator = {
        ...learning(),
        create: () => ({
          kind: 'from-scratch' as const,
          name: 'learning',
          async evaluate(
            { architecture, trial }: { architecture: Digits; trial: number },
            { report }: { report: (step: number, metrics: { sum: number }) => 'stop' | 'continue' },
          ) {
            let value = 0
            for (let epoch = 1; epoch <= 9; epoch++) {
              for (let turn = turns(trial); turn > 0; turn--) await new Promise((resolve) => setImmediate(resolve))
              value = sum(architecture) * (1 - 0.5 ** epoch)
              if (report(epoch, { sum: value }) === 'stop') break
            }
            return { metrics: { sum: value } }
          },
        }),
      }
      const how = { evaluator, concurrency: 3, commit: 'ordered', budget: { maxTrials: 100 } }
      await using search = compose([random(), medianStopping({ startup: 3 })], how)
      await search.finish()
      outcomes.push(search.record().trials.map(({ status, genotype }) => `${status} ${genotype}`))
    }
    expect(outcomes[0]!.filter((outcome) => outcome.startsWith('pruned')).length).toBeGreaterThan(1)
    expect(outcomes[1]).toEqual(outcomes[0])
    expect(outcomes[2]).toEqual(outcomes[0])
  })

  it('patience stops a trial that no longer improves', async () => {
    await using search = compose([random(), patience({ reports: 2, minDelta: 0.5 })])
    await search.finish()
    expect(search.state().pruned).toBeGreaterThan(20)
  })

  it('runs several rungs at once, in any order of commits, and replays what came about', async () => {
    for (const commit of ['ordered', 'arrival', { staleness: 8 }] as const) {
      const store = memoryStore()
      await using search = compose([random(), asha()], { concurrency: 4, commit, study: store })
      expect(await search.finish()).toMatchObject({ status: 'finished', proposed: 27 })
      await using again = compose([random(), asha()], { concurrency: 4, commit, study: store })
      await again.open()
      expect(again.state()).toEqual(search.state())
    }
  })
})
