import {
  type Controller,
  cached,
  createSearch,
  definePlugin,
  defineSpace,
  type EvaluatorDefinition,
  type EvaluatorFunction,
  integer,
  measureTrials,
  memoryStore,
  product,
  readEvents,
  retried,
  type Scheduler,
  type SearchEvent,
  timed,
  virtualClock,
} from 'archloom'
import { evolution } from 'archloom/plugins/evolution'
import { random } from 'archloom/plugins/random'
import { describe, expect, it } from 'vitest'
import { climbing, digits, sum } from '../search/parts.ts'

type Digits = { readonly digit: readonly number[] }
const compose = (options: Partial<Parameters<typeof createSearch<Digits>>[0]> = {}) =>
  createSearch<Digits>({
    space: digits as never,
    evaluator: (architecture) => ({ sum: sum(architecture) }),
    plugins: [climbing()],
    objectives: { sum: 'maximise' },
    budget: { maxTrials: 12 },
    seed: 5,
    study: memoryStore(),
    ...options,
  })

const derives = (count: number) =>
  definePlugin({
    name: 'derives',
    provides: ['algorithm'],
    bind: ({ algorithm }) =>
      algorithm.to(async function* (parts) {
        const proposals = Array.from({ length: count }, (_, i) => ({ genotype: [i % 3, 0, 1, 2] }))
        return yield* measureTrials(proposals, parts)
      }),
  })

const scheduled = (scheduler: Scheduler) =>
  definePlugin({ name: 'own', provides: ['scheduler'], bind: (b) => b.scheduler.to(() => scheduler) })

describe('there is one caller of evaluators', () => {
  it('a derived trial without the metric of the objective fails, and its study can be read', async () => {
    const store = memoryStore()
    await using search = compose({ plugins: [derives(3)], evaluator: () => ({ other: 1 }), study: store })
    await search.finish()
    expect(search.state()).toMatchObject({ completed: 0, failed: 3 })
    const failure = (await readEvents(store)).find(({ type }) => type === 'trial.failed')
    expect(failure).toMatchObject({ reason: 'invalid', code: 'ARCHLOOM_EVALUATION_INVALID' })
    await using again = compose({ plugins: [derives(3)], study: store })
    await again.open()
    expect(again.state().failed).toBe(3)
  })

  it('a derived trial is held to the time limit of trials', async () => {
    const clock = virtualClock()
    await using search = compose({
      plugins: [derives(2)],
      clock,
      budget: { trialSeconds: 0.1 },
      evaluator: async (architecture) => {
        setTimeout(() => clock.advance(900), 1)
        await clock.sleep(900)
        return { sum: sum(architecture) }
      },
    })
    await search.finish()
    expect(search.state()).toMatchObject({ completed: 0, failed: 2 })
    expect(search.record().trials.map(({ failure }) => failure?.reason)).toEqual(['timeout', 'timeout'])
  })

  it('the time that an evaluation waits for its turn does not count', async () => {
    const clock = virtualClock()
    const evaluator: EvaluatorDefinition<Digits> = {
      kind: 'from-scratch',
      name: 'queue',
      create: () => ({
        kind: 'from-scratch',
        name: 'queue',
        queues: true,
        async evaluate({ architecture }, { started }) {
          clock.advance(5000)
          started()
          await Promise.resolve()
          return { metrics: { sum: sum(architecture) } }
        },
      }),
    }
    await using search = compose({ clock, evaluator, budget: { maxTrials: 3, trialSeconds: 1 } })
    expect(await search.finish()).toMatchObject({ completed: 3, failed: 0 })
  })

  it('work that begins anew elsewhere has the whole time again, and the wait between does not count', async () => {
    const clock = virtualClock()
    const evaluator = (again: number): EvaluatorDefinition<Digits> => ({
      kind: 'from-scratch',
      name: 'queue',
      create: () => ({
        kind: 'from-scratch',
        name: 'queue',
        queues: true,
        async evaluate({ architecture }, { started, waiting }) {
          started()
          clock.advance(800)
          waiting?.()
          clock.advance(5000)
          started()
          clock.advance(again)
          await new Promise((resolve) => setTimeout(resolve, 1))
          return { metrics: { sum: sum(architecture) } }
        },
      }),
    })
    const budget = { maxTrials: 3, trialSeconds: 1 }
    await using short = compose({ clock, evaluator: evaluator(800), budget })
    expect(await short.finish()).toMatchObject({ completed: 3, failed: 0 })
    await using long = compose({ clock, evaluator: evaluator(1200), budget })
    expect(await long.finish()).toMatchObject({ completed: 0, failed: 3 })
  })

  it('refuses a number that JSON cannot hold, whoever yields it', async () => {
    const store = memoryStore()
    await using search = compose({
      study: store,
      plugins: [
        definePlugin({
          name: 'own',
          provides: ['algorithm'],
          bind: (b) =>
            b.algorithm.to(async function* () {
              yield { type: 'plugin.event', plugin: 'own', name: 'n', facts: { deep: [Number.NaN] } }
              return 'algorithm'
            }),
        }),
      ],
    })
    await expect(search.finish()).rejects.toThrow(/ARCHLOOM_EVENT_NOT_FINITE.*facts\.deep\.0/)
    expect((await readEvents(store)).some(({ type }) => type === 'plugin.event')).toBe(false)
  })

  it('refuses an event that lacks a field, before it is written', async () => {
    const store = memoryStore()
    await using search = compose({
      study: store,
      plugins: [
        definePlugin({
          name: 'own',
          provides: ['algorithm'],
          bind: (b) =>
            b.algorithm.to(async function* () {
              yield { type: 'stage.started', stage: 'first' } as never
              return 'algorithm'
            }),
        }),
      ],
    })
    await expect(search.finish()).rejects.toThrow(/ARCHLOOM_EVENT_FORM.*stage\.started/)
    expect((await readEvents(store)).map(({ type }) => type)).toEqual(['search.started', 'search.stopped'])
  })

  it('bad reports fail the trial by code, and any number of them is cheap', async () => {
    const reports: EvaluatorFunction<Digits>[] = [
      (_a, _r, { report }) => report(1, { loss: 1n as never }) as never,
      (_a, _r, { report }) => report(Number.NaN, {}) as never,
      (_a, _r, { tell }) => {
        const circle: Record<string, unknown> = {}
        circle.self = circle
        tell('n', circle as never)
        return { sum: 1 }
      },
    ]
    await using search = compose({
      budget: { maxTrials: 4 },
      evaluator: (architecture, request, context) => {
        const bad = reports[request.trial]
        if (bad) return bad(architecture, request, context)
        for (let step = 0; step < 20_000; step++) context.report(step, { loss: Number.NaN })
        return { sum: 3 }
      },
    })
    expect(await search.finish()).toMatchObject({ failed: 3, completed: 1 })
    const codes = search.record().trials.map(({ failure }) => failure?.code)
    expect(codes).toEqual([...Array(3).fill('ARCHLOOM_REPORT_INVALID'), undefined])
  })
})

describe('numbers that are not finite', () => {
  it('an infinitely good objective is the best trial; a side metric that is NaN costs nothing', async () => {
    const store = memoryStore()
    const options = {
      study: store,
      evaluator: (architecture: Digits, { trial }: { trial: number }) => ({
        sum: trial === 7 ? Number.POSITIVE_INFINITY : sum(architecture),
        loss: Number.NaN,
      }),
    }
    await using search = compose(options)
    await search.finish()
    expect(search.state()).toMatchObject({ completed: 12, failed: 0 })
    expect(search.best(1)[0]).toMatchObject({ trial: 7, reward: Number.POSITIVE_INFINITY })
    await using again = compose(options)
    await again.open()
    expect(again.best(1)[0]!.metrics).toEqual({ sum: Number.POSITIVE_INFINITY, loss: Number.NaN })
  })

  it('infinity in the bad direction is a training that diverged', async () => {
    await using search = compose({
      objectives: { loss: 'minimise' },
      evaluator: (_a, { trial }) => ({ loss: trial % 2 ? Number.POSITIVE_INFINITY : 1 }),
    })
    await search.finish()
    expect(search.record().trials[1]!.failure).toMatchObject({
      reason: 'diverged',
      code: 'ARCHLOOM_EVALUATION_NOT_FINITE',
    })
  })
})

describe('exceptions of the user', () => {
  it('keep their stack, and the same one on the first three trials ends the search with it', async () => {
    await using search = compose({
      evaluator: (architecture: Digits) => ({ sum: (architecture as never as { dgit: number[] }).dgit.length }),
    })
    const thrown = await search.finish().catch((error: unknown) => error)
    expect(thrown).toMatchObject({ code: 'ARCHLOOM_EVALUATION_BROKEN', cause: expect.any(TypeError) })
    expect(search.state()).toMatchObject({ failed: 3, status: 'stopped' })
    expect(search.record().trials[0]!.failure?.stack).toContain('trials.test.ts')
  })

  it('long messages are cut to a size that a journal can hold', async () => {
    await using search = compose({
      evaluator: (_a, { trial }) => Promise.reject(new Error(`${trial}${'x'.repeat(1_000_000)}`)),
    })
    await search.finish()
    for (const { failure } of search.record().trials) expect(JSON.stringify(failure).length).toBeLessThan(6000)
  })
})

describe('the record of a study', () => {
  it('has the architecture that the space decodes, whatever its parts are called', async () => {
    const space = defineSpace('marks', product({ layers: product({ 0: integer(0, 3), length: integer(4, 6) }) }))
    const store = memoryStore()
    const options = {
      space,
      plugins: [random()],
      evaluator: (a: { layers: { length: number } }) => ({ sum: a.layers.length }),
      objectives: { sum: 'maximise' as const },
      budget: { maxTrials: 5 },
      study: store,
    }
    await using search = createSearch(options)
    await search.finish()
    await using again = createSearch(options)
    await again.open()
    expect(again.record().best(1)[0]!.architecture).toEqual(search.best(1)[0]!.architecture)
    expect(JSON.parse(JSON.stringify(again.record().trials[0]))).toMatchObject({
      architecture: space.decode(search.record().trials[0]!.genotype),
      rungs: [{ rung: 0, fidelity: 1 }],
    })
  })

  it('build() on a space without networks names the space and the code', async () => {
    await using search = compose()
    await search.finish()
    const build = () => search.best(1)[0]!.build({ input: [2], classes: 2, rng: undefined as never })
    expect(build).toThrow(/ARCHLOOM_STUDY_NO_NETWORKS: space "digits"/)
  })
})

describe('bounds', () => {
  it('a cost that is known without training is held against its bound first', async () => {
    let trained = 0
    const evaluator: EvaluatorDefinition<Digits> = {
      kind: 'from-scratch',
      name: 'costly',
      create: () => ({
        kind: 'from-scratch',
        name: 'costly',
        costs: (architecture) => ({ cost: 10 * architecture.digit[0]! }),
        async evaluate({ architecture }) {
          trained++
          return { metrics: { sum: sum(architecture), cost: 10 * architecture.digit[0]! } }
        },
      }),
    }
    await using search = compose({
      evaluator,
      plugins: [random()],
      objectives: { sum: 'maximise', cost: { direction: 'minimise', atMost: 5 } },
      budget: { maxTrials: 40 },
    })
    const state = await search.finish()
    expect(state.pruned).toBeGreaterThan(10)
    expect(trained).toBe(40 - state.pruned)
    const pruned = search.record().trials.filter(({ status }) => status === 'pruned')
    for (const trial of pruned) expect(trial).toMatchObject({ prunedBy: 'bounds', feasible: false })
    expect(search.best(1)[0]!.metrics.cost).toBe(0)
  })

  it('feasible trials come before infeasible ones, whatever the unit of the objective', async () => {
    const run = async (unit: number) => {
      await using search = compose({
        plugins: [evolution({ population: 10, sample: 5 })],
        evaluator: (architecture) => ({ sum: unit * sum(architecture), first: architecture.digit[0]! }),
        objectives: { sum: 'maximise', first: { direction: 'minimise', atMost: 0 } },
        budget: { maxTrials: 80 },
      })
      await search.finish()
      return search.record().trials.map(({ text }) => text)
    }
    expect(await run(100)).toEqual(await run(1))
    expect((await run(1)).slice(40).filter((text) => text[0] === '0').length).toBeGreaterThan(20)
  })
})

describe('enqueued trials', () => {
  it('come before the next proposal, are told to the controller, and survive a kill', async () => {
    const store = memoryStore()
    await using search = compose({ study: store })
    await search.enqueue({ digit: [2, 2, 2, 2] })
    await search.enqueue([0, 0, 0, 1])
    expect(search.state()).toMatchObject({ proposed: 2, resting: [0, 1] })
    // Here the process is killed.
    const copy = memoryStore()
    copy.append(await readEvents(store))
    await using again = compose({ study: copy })
    await again.finish()
    const { trials } = again.record()
    expect(trials.slice(0, 2).map(({ text, status }) => [text, status])).toEqual([
      ['2222', 'completed'],
      ['0001', 'completed'],
    ])
    expect(again.state().completed).toBe(12)
    expect(trials[2]!.genotype.filter((value) => value !== 2).length).toBeLessThanOrEqual(1)
  })

  it('may be added while the search runs; what the space does not have is refused', async () => {
    await using search = compose()
    search.on('trial.completed', ({ trial }) => void (trial === 4 && search.enqueue([1, 1, 1, 1])))
    await search.finish()
    expect(search.record().trials.some(({ text }) => text === '1111')).toBe(true)
    expect(search.state().proposed).toBe(12)
    await expect(search.enqueue({ digit: [7, 0, 0, 0] })).rejects.toThrow('ARCHLOOM_')
  })
})

describe('retries', () => {
  it('a failed evaluation is tried again as often as the budget says', async () => {
    const attempts: number[] = []
    await using search = compose({
      budget: { maxTrials: 5, retries: 2 },
      evaluator: (architecture, { trial }) => {
        attempts.push(trial)
        if (trial === 1 && attempts.filter((each) => each === 1).length < 3) throw new Error('lost')
        return { sum: sum(architecture) }
      },
    })
    expect(await search.finish()).toMatchObject({ completed: 5, failed: 0 })
    expect(attempts).toEqual([0, 1, 1, 1, 2, 3, 4])
    expect(search.record().trials[1]).toMatchObject({ attempts: 3, status: 'completed' })
  })
})

describe('retries of a later rung', () => {
  it('are as many as those of the first', async () => {
    const started: string[] = []
    await using search = compose({
      plugins: [
        random(),
        scheduled({ start: () => 0.5, report: (_, { ended }) => (ended ? 'continue' : 'pause'), promote }),
      ],
      budget: { maxTrials: 1, retries: 1 },
      evaluator: (architecture, { fidelity }) => {
        started.push(String(fidelity))
        if (started.filter((each) => each === String(fidelity)).length < 2) throw new Error(`lost at ${fidelity}`)
        return { sum: sum(architecture) }
      },
    })
    let due = 1
    function promote() {
      return search.record().trials[0]?.status === 'paused' && due-- > 0 ? { trial: 0, fidelity: 1 } : undefined
    }
    expect(await search.finish()).toMatchObject({ completed: 1, failed: 0 })
    expect(started).toEqual(['0.5', '0.5', '1', '1'])
  })
})

describe('answers that are no proposal', () => {
  const answering = (propose: Controller['propose']) =>
    climbing(() => ({ propose, observe: () => ({}), [Symbol.dispose]() {} }))

  it('a controller may wait for outstanding results, but not for ever', async () => {
    let [asked, told] = [0, 0]
    const generation = climbing((space) => ({
      // Four at a time, and the next four when all results are in.
      propose: (rng) => (asked % 4 === 0 && asked > told ? 'wait' : { genotype: space.random(rng), context: asked++ }),
      observe: (observations) => {
        told += observations.length
        return {}
      },
      [Symbol.dispose]() {},
    }))
    await using search = compose({
      plugins: [generation],
      concurrency: 3,
      evaluator: { kind: 'tabular', name: 't', concurrency: 3, evaluate: async () => ({ metrics: { sum: 1 } }) },
    })
    expect(await search.finish()).toMatchObject({ completed: 12 })
    await using stuck = compose({ plugins: [answering(() => 'wait')] })
    await expect(stuck.finish()).rejects.toThrow('ARCHLOOM_CONTROLLER_WAITS')
    await using done = compose({ plugins: [answering(() => 'exhausted')] })
    expect(await done.finish()).toMatchObject({ status: 'finished', reason: 'exhausted' })
    await expect(done.propose()).rejects.toThrow(/ARCHLOOM_SEARCH_NOTHING_TO_PROPOSE.*nothing left/)
  })

  it('a scheduler that breaks its contract is named', async () => {
    await using low = compose({ plugins: [random(), scheduled({ start: () => 0, report: () => 'continue' })] })
    await expect(low.finish()).rejects.toThrow(/ARCHLOOM_SCHEDULER_FIDELITY.*\(0, 1\]/)
    const stranger = scheduled({ report: () => 'continue', promote: () => ({ trial: 3, fidelity: 1 }) })
    await using wrong = compose({ plugins: [random(), stranger] })
    await expect(wrong.finish()).rejects.toThrow(/ARCHLOOM_SCHEDULER_TRIAL.*trial 3/)
  })
})

describe('wrappers', () => {
  const table = (calls: number[]): EvaluatorDefinition<Digits> => ({
    kind: 'tabular',
    name: 'table',
    create: () => ({
      kind: 'tabular',
      name: 'table',
      async evaluate({ architecture, trial }) {
        calls.push(trial)
        return { metrics: { sum: sum(architecture) + 1e-6 * trial } }
      },
    }),
  })

  it('cached() works on definitions, and a resumed search recalls what was measured', async () => {
    const course = async (cut?: number) => {
      const calls: number[] = []
      const store = memoryStore()
      const options = { evaluator: cached(table(calls)), plugins: [evolution({ population: 4 })], study: store }
      if (cut !== undefined) {
        await using first = compose({ ...options, budget: { maxTrials: cut } })
        await first.finish()
      }
      await using search = compose({ ...options, budget: { maxTrials: 60 } })
      await search.finish()
      return { calls, trials: search.record().trials.map(({ text, metrics }) => [text, metrics.sum]) }
    }
    const whole = await course()
    expect(whole.calls.length).toBeLessThan(60)
    const resumed = await course(25)
    expect(resumed.trials).toEqual(whole.trials)
    expect(resumed.calls).toEqual(whole.calls)
  })

  it('retried() and timed() work on definitions', async () => {
    const calls: number[] = []
    const failing: EvaluatorDefinition<Digits> = {
      kind: 'tabular',
      name: 'failing',
      create: () => ({
        kind: 'tabular',
        name: 'failing',
        async evaluate({ trial }) {
          calls.push(trial)
          if (calls.length % 2 === 1) throw new Error(`lost ${calls.length}`)
          return { metrics: { sum: 1 } }
        },
      }),
    }
    await using search = compose({ evaluator: retried(failing, { times: 1 }), budget: { maxTrials: 3 } })
    expect(await search.finish()).toMatchObject({ completed: 3, failed: 0 })
    const clock = virtualClock()
    const hanging: EvaluatorDefinition<Digits> = {
      kind: 'tabular',
      name: 'hanging',
      create: () => ({
        kind: 'tabular',
        name: 'hanging',
        evaluate: () => {
          setTimeout(() => clock.advance(2000), 1)
          return new Promise(() => {})
        },
      }),
    }
    await using late = compose({ clock, evaluator: timed(hanging, { seconds: 1 }), budget: { maxTrials: 2 } })
    await late.finish()
    expect(late.record().trials.map(({ failure }) => failure?.reason)).toEqual(['timeout', 'timeout'])
  })

  it('unique: true measures nothing twice', async () => {
    await using search = compose({ plugins: [evolution({ population: 4 })], unique: true, budget: { maxTrials: 81 } })
    await search.finish()
    expect(new Set(search.record().trials.map(({ text }) => text)).size).toBe(81)
    expect(search.state().reason).toMatch(/trials|exhausted/)
  })
})

describe('the order of commits', () => {
  /** One trial in twenty takes ten times as long; on a clock that moves to the next event. */
  async function utilisation(workers: number, commit: 'ordered' | 'arrival' | { staleness: number }) {
    let now = 0
    const sleepers: { at: number; wake: () => void }[] = []
    const clock = {
      now: () => now,
      sleep: (ms: number) => new Promise<void>((wake) => void sleepers.push({ at: now + ms, wake })),
    }
    let busy = 0
    const trials = 250 * workers
    const search = compose({
      clock,
      concurrency: workers,
      commit,
      plugins: [random()],
      budget: { maxTrials: trials },
      evaluator: {
        kind: 'tabular',
        name: 't',
        concurrency: workers,
        evaluate: async ({ trial }) => {
          const ms = trial % 20 === 7 ? 10_000 : 1000
          busy += ms
          await clock.sleep(ms)
          return { metrics: { sum: 1 } }
        },
      },
    })
    const warnings: string[] = []
    search.on('search.warning', ({ code }) => void warnings.push(code))
    let done = false
    const run = search.finish().then(() => {
      done = true
    })
    while (!done) {
      await new Promise((resolve) => setImmediate(resolve))
      sleepers.sort((a, b) => a.at - b.at)
      const next = sleepers.shift()
      if (!next) continue
      now = next.at
      next.wake()
    }
    await run
    await search[Symbol.asyncDispose]()
    return { share: busy / (workers * now), warnings }
  }

  it.each([4, 8, 16])(
    'with %i workers, staleness and arrival keep them busy; ordered says what it costs',
    async (n) => {
      const ordered = await utilisation(n, 'ordered')
      expect(ordered.share).toBeLessThan(0.6)
      expect(ordered.warnings).toContain('ARCHLOOM_COMMIT_ORDER_COST')
      const arrival = await utilisation(n, 'arrival')
      expect(arrival.share).toBeGreaterThan(0.95)
      expect(arrival.warnings).toEqual([])
      expect((await utilisation(n, { staleness: 16 * n })).share).toBeGreaterThan(0.95)
    },
  )

  it('staleness gives the same trials with any number of workers', async () => {
    const proposals = async (concurrency: number) => {
      await using search = compose({
        concurrency,
        commit: { staleness: 6 },
        budget: { maxTrials: 40 },
        evaluator: {
          kind: 'tabular',
          name: 't',
          concurrency: 8,
          evaluate: async ({ architecture, trial }) => {
            await new Promise((resolve) => setTimeout(resolve, (trial * 7) % 5))
            return { metrics: { sum: sum(architecture) } }
          },
        },
      })
      await search.finish()
      return search.record().trials.map(({ text }) => text)
    }
    const alone = await proposals(1)
    expect(await proposals(3)).toEqual(alone)
    expect(await proposals(6)).toEqual(alone)
  })

  it('arrival journals its order, and a replay reproduces it', async () => {
    const store = memoryStore()
    const options = {
      concurrency: 4,
      study: store,
      budget: { maxTrials: 30 },
      evaluator: {
        kind: 'tabular' as const,
        name: 't',
        concurrency: 4,
        evaluate: async ({ architecture, trial }: { architecture: Digits; trial: number }) => {
          await new Promise((resolve) => setTimeout(resolve, (trial * 7) % 5))
          return { metrics: { sum: sum(architecture) } }
        },
      },
    }
    await using search = compose(options)
    await search.finish()
    const commits = (await readEvents(store)).flatMap((e) => (e.type === 'controller.updated' ? [...e.trials] : []))
    expect(commits).not.toEqual([...commits].sort((a, b) => a - b))
    await using again = compose({ ...options, budget: { maxTrials: 34 } })
    expect(await again.finish()).toMatchObject({ completed: 34 })
    await using other = compose({ ...options, commit: 'ordered' })
    await expect(other.open()).rejects.toThrow(/ARCHLOOM_STUDY_MISMATCH.*commit/)
  })
})

describe('listeners', () => {
  it('one that throws, or rejects, or whose subscription throws, harms nobody', async () => {
    await using search = compose({ concurrency: 1 })
    const seen: number[] = []
    search.on('trial.completed', () => {
      throw new Error('first')
    })
    search.on('trial.completed', async () => {
      throw new Error('second')
    })
    search.on('trial.completed', ({ trial }) => void seen.push(trial))
    search.events$.subscribe(() => {
      throw new Error('third')
    })
    const warnings: string[] = []
    search.on('search.warning', ({ message }) => void warnings.push(message))
    await search.finish()
    expect(seen).toHaveLength(12)
    expect(warnings.join()).toMatch(/first/)
    expect(warnings.join()).toMatch(/third/)
  })

  it('many evaluations at once warn of no leak', async () => {
    const warnings: unknown[] = []
    const listen = (warning: Error) => void warnings.push(warning)
    process.on('warning', listen)
    await using search = compose({
      concurrency: 40,
      budget: { maxTrials: 80 },
      evaluator: {
        kind: 'tabular',
        name: 't',
        concurrency: 40,
        evaluate: async () => {
          await new Promise((resolve) => setTimeout(resolve, 1))
          return { metrics: { sum: 1 } }
        },
      },
    })
    await search.finish()
    await new Promise((resolve) => setTimeout(resolve, 5))
    process.off('warning', listen)
    expect(warnings).toEqual([])
  })
})

describe('observers', () => {
  const observing = (
    observe: Parameters<Parameters<Parameters<typeof definePlugin>[0]['bind']>[0]['observer']['to']>[0],
  ) => definePlugin({ name: 'observing', bind: (b) => b.observer.to(observe) })

  it('are told the study and where a resumed one begins, and are awaited at the end', async () => {
    const store = memoryStore('a study')
    const begins: number[] = []
    let written = 0
    const plugins = [
      climbing(),
      observing(({ study, from, on }) => {
        expect(study).toBe('a study')
        begins.push(from)
        let seen = 0
        on('trial.completed', () => void seen++)
        return async () => {
          await new Promise((resolve) => setTimeout(resolve, 10))
          written += seen
        }
      }),
    ]
    for (const maxTrials of [5, 9]) {
      await using search = compose({ study: store, plugins, budget: { maxTrials } })
      await search.finish()
    }
    expect(written).toBe(9)
    expect(begins[0]).toBe(0)
    expect(begins[1]).toBe(1 + 5 * 3 + 1)
  })

  it('that throw stop nothing', async () => {
    await using search = compose({
      plugins: [
        climbing(),
        observing(() => {
          throw new Error('no network')
        }),
      ],
    })
    expect(await search.finish()).toMatchObject({ completed: 12 })
  })
})

/** An evaluator that cannot be disposed of. */
const evaluatorThatThrows = (message: string) => ({
  kind: 'tabular' as const,
  name: 't',
  evaluate: async () => ({ metrics: { sum: 1 } }),
  [Symbol.asyncDispose]: () => Promise.reject(new Error(message)),
})

it('an evaluator whose dispose throws does not leave its study locked', async () => {
  const closed: string[] = []
  const store = { ...memoryStore(), close: () => void closed.push('closed') }
  const search = compose({
    study: store,
    evaluator: evaluatorThatThrows('no'),
  })
  await search.finish()
  await expect(search[Symbol.asyncDispose]()).rejects.toThrow('no')
  expect(closed).toEqual(['closed'])
})

it('a search of which several parts throw when they are disposed of tells of all of them', async () => {
  const store = { ...memoryStore(), close: () => Promise.reject(new Error('the store')) }
  const search = compose({
    study: store,
    evaluator: evaluatorThatThrows('the evaluator'),
  })
  await search.finish()
  await expect(search[Symbol.asyncDispose]()).rejects.toMatchObject({
    message: 'the evaluator\nthe store',
    errors: [new Error('the evaluator'), new Error('the store')],
  })
})

it('a disposed search ends while its evaluator is still starting', async () => {
  const search = compose({
    evaluator: { kind: 'tabular', name: 't', create: () => new Promise(() => {}) } as EvaluatorDefinition<Digits>,
  })
  const run = search.finish()
  await new Promise((resolve) => setTimeout(resolve, 5))
  await search[Symbol.asyncDispose]()
  await expect(run).rejects.toThrow('ARCHLOOM_SEARCH_DISPOSED')
})

it('search.finished and search.stopped give the time of all sessions', async () => {
  const clock = virtualClock()
  const store = memoryStore()
  const options = {
    clock,
    study: store,
    evaluator: (architecture: Digits) => {
      clock.advance(1000)
      return { sum: sum(architecture) }
    },
  }
  for (const maxTrials of [2, 5]) {
    await using search = compose({ ...options, budget: { maxTrials } })
    await search.finish()
  }
  const ends = (await readEvents(store)).flatMap((e: SearchEvent) =>
    e.type === 'search.finished' ? [e.elapsedMs] : [],
  )
  expect(ends).toEqual([2000, 5000])
})
