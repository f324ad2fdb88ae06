import {
  type Algorithm,
  ArchloomError,
  createSearch,
  definePlugin,
  type EvaluatorFunction,
  memoryStore,
  readEvents,
  type SearchEvent,
  virtualClock,
} from 'archloom'
import { bufferCount, filter, firstValueFrom, map, toArray } from 'rxjs'
import { describe, expect, it, vi } from 'vitest'
import { climbing, digits, sum } from './parts.ts'

type Digits = { readonly digit: readonly number[] }
const compose = (options: Partial<Parameters<typeof createSearch<Digits>>[0]> = {}) =>
  createSearch<Digits>({
    space: digits as never,
    evaluator: (architecture) => ({ sum: sum(architecture) }),
    plugins: [climbing()],
    objectives: { sum: 'maximise' },
    budget: { maxTrials: 30 },
    seed: 5,
    study: memoryStore('a study'),
    ...options,
  })

const collect = async (search: ReturnType<typeof compose>) => {
  const events: SearchEvent[] = []
  for await (const event of search.run()) events.push(event)
  return events
}

const timeless = (event: SearchEvent) => {
  const { at: _at, ...rest } = event as SearchEvent & { elapsedMs?: number }
  delete rest.elapsedMs
  return JSON.stringify(rest)
}

describe('a search', () => {
  it('finds the maximum, and its last event says why it ended', async () => {
    await using search = compose({ budget: { maxTrials: 60 } })
    const events = await collect(search)
    expect(events[0]).toMatchObject({ seq: 0, type: 'search.started', seed: 5, study: 'a study' })
    expect(events.at(-1)).toMatchObject({ type: 'search.finished', reason: 'trials', trials: 60 })
    const [best] = search.best(1)
    expect(best?.architecture).toEqual({ digit: [2, 2, 2, 2] })
    expect(search.state()).toMatchObject({ status: 'finished', completed: 60, failed: 0, proposed: 60, running: [] })
  })

  it('has the same journal for the same seed, but for times', async () => {
    const journals = await Promise.all(
      [1, 2].map(async () => {
        await using search = compose()
        return (await collect(search)).map(timeless)
      }),
    )
    expect(journals[0]).toEqual(journals[1])
    await using other = compose({ seed: 6 })
    expect((await collect(other)).map(timeless)).not.toEqual(journals[0])
  })

  it('proposes the same in parallel, whichever evaluation is quicker', async () => {
    const inParallel = (delay: (trial: number) => number) =>
      compose({
        concurrency: 3,
        commit: 'ordered',
        evaluator: {
          kind: 'tabular',
          name: 'slow',
          concurrency: 4,
          evaluate: async ({ architecture, trial }) => {
            await new Promise((resolve) => setTimeout(resolve, delay(trial)))
            return { metrics: { sum: sum(architecture) } }
          },
        },
      })
    const proposals = async (search: ReturnType<typeof compose>) => {
      await using owned = search
      return (await collect(owned)).flatMap((event) =>
        event.type === 'trial.proposed' ? [event.genotype.join('')] : [],
      )
    }
    const rising = await proposals(inParallel((trial) => trial % 3))
    const falling = await proposals(inParallel((trial) => 4 - (trial % 5)))
    expect(rising).toEqual(falling)
    expect(rising).toHaveLength(30)
  })

  it('refuses more evaluations at once than the evaluator allows', () => {
    expect(() => compose({ concurrency: 2 })).toThrow('ARCHLOOM_SEARCH_CONCURRENCY')
  })

  it('opens three doors to one stream, and subscribing starts nothing', async () => {
    const evaluate = vi.fn((architecture: Digits) => ({ sum: sum(architecture) }))
    await using search = compose({ evaluator: evaluate, budget: { maxTrials: 5 } })
    const heard: number[] = []
    const off = search.on('trial.completed', (event) => heard.push(event.trial))
    const early = firstValueFrom(
      search.events$.pipe(
        filter((e) => e.type === 'trial.completed'),
        bufferCount(5),
      ),
    )
    expect(evaluate).not.toHaveBeenCalled()
    const iterated = await collect(search)
    const replayed: SearchEvent[] = []
    search.events$.subscribe((event) => replayed.push(event))
    await vi.waitFor(() => expect(replayed.length).toBe(iterated.length))
    expect(replayed.map(timeless)).toEqual(iterated.map(timeless))
    expect(heard).toEqual([0, 1, 2, 3, 4])
    expect((await early).map((e) => (e as { trial: number }).trial)).toEqual(heard)
    expect(evaluate).toHaveBeenCalledTimes(5)
    off()
  })

  it('completes events$ when the search is disposed', async () => {
    const search = compose({ budget: { maxTrials: 2 } })
    const all = firstValueFrom(
      search.events$.pipe(
        map((e) => e.type),
        toArray(),
      ),
    )
    await search.finish()
    await search[Symbol.asyncDispose]()
    expect((await all).at(-1)).toBe('search.finished')
  })

  it('survives a listener that throws, and reports it once', async () => {
    await using search = compose({ budget: { maxTrials: 4 } })
    search.on('trial.completed', () => {
      throw new Error('my listener')
    })
    await collect(search)
    const warnings: string[] = []
    search.events$.subscribe((e) => e.type === 'search.warning' && warnings.push(e.message))
    await vi.waitFor(() => expect(warnings).toHaveLength(1))
    expect(warnings[0]).toContain('my listener')
    expect(search.state().completed).toBe(4)
  })

  it('names the events when asked for one that does not exist', async () => {
    await using search = compose()
    expect(() => search.on('trial.done' as never, () => {})).toThrow(/ARCHLOOM_SEARCH_EVENT_UNKNOWN.*trial\.completed/)
  })

  it('refuses a second run at once', async () => {
    await using search = compose()
    const first = search.run()
    await first.next()
    await expect(search.run().next()).rejects.toThrow('ARCHLOOM_SEARCH_ALREADY_RUNNING')
    await first.return(undefined)
    expect(search.state()).toMatchObject({ status: 'stopped' })
  })

  it('stops on request, and continues later from the same place', async () => {
    const store = memoryStore()
    await using whole = compose({ study: memoryStore() })
    const expected = (await collect(whole)).flatMap((e) => (e.type === 'trial.proposed' ? [e.genotype] : []))
    await using first = compose({ study: store })
    first.on('trial.completed', (event) => {
      if (event.trial === 11) first.stop('enough for today')
    })
    await first.finish()
    expect(first.state()).toMatchObject({ status: 'stopped', reason: 'enough for today' })
    await using second = compose({ study: store })
    await second.finish()
    expect(second.state()).toMatchObject({ status: 'finished', completed: 30, sessions: 2 })
    const proposals = (await readEvents(store)).flatMap((e) => (e.type === 'trial.proposed' ? [e.genotype] : []))
    expect(proposals).toEqual(expected)
  })

  it('runs on after a stop, in the same process', async () => {
    await using search = compose()
    for await (const event of search.run()) if (event.type === 'trial.completed' && event.trial === 4) search.stop()
    expect(search.state()).toMatchObject({ status: 'stopped', completed: 5 })
    expect(await search.finish()).toMatchObject({ status: 'finished', completed: 30, sessions: 2 })
  })

  it('does nothing more once disposed', async () => {
    const search = compose()
    await search.finish()
    await search[Symbol.asyncDispose]()
    await expect(search.finish()).rejects.toThrow(/ARCHLOOM_SEARCH_DISPOSED: .*"a study"/)
    await expect(search.propose()).rejects.toThrow('ARCHLOOM_SEARCH_DISPOSED')
    await expect(search.observe({ trial: 0 }, { sum: 1 })).rejects.toThrow('ARCHLOOM_SEARCH_DISPOSED')
    expect(search.best(1)).toHaveLength(1)
  })

  it('has been stopped by its own signal', async () => {
    const abort = new AbortController()
    await using search = compose({
      evaluator: (architecture, { trial }) => {
        if (trial === 3) abort.abort('signal')
        return { sum: sum(architecture) }
      },
    })
    const state = await search.finish({ signal: abort.signal })
    expect(state).toMatchObject({ status: 'stopped', reason: 'signal' })
  })
})

describe('a trial that goes wrong is data', () => {
  const failing = async (evaluator: EvaluatorFunction<Digits>, budget = {}) => {
    await using search = compose({ evaluator, budget: { maxTrials: 6, ...budget } })
    const events = await collect(search)
    return { failures: events.filter((e) => e.type === 'trial.failed'), state: search.state() }
  }

  it.each([
    [
      'throws',
      (_: unknown, { trial }: { trial: number }) => {
        throw new Error(`no memory ${trial}`)
      },
      'error',
      'ARCHLOOM_EVALUATION_THREW',
      'no memory',
    ],
    [
      'rejects',
      (_: unknown, { trial }: { trial: number }) => Promise.reject(new TypeError(`later ${trial}`)),
      'error',
      'ARCHLOOM_EVALUATION_THREW',
      'later',
    ],
    ['returns NaN', () => ({ sum: Number.NaN }), 'diverged', 'ARCHLOOM_EVALUATION_NOT_FINITE', 'NaN'],
    [
      'returns what is infinitely bad',
      () => ({ sum: Number.NEGATIVE_INFINITY }),
      'diverged',
      'ARCHLOOM_EVALUATION_NOT_FINITE',
      '-Infinity',
    ],
    ['returns a string', () => ({ sum: 'good' }) as never, 'invalid', 'ARCHLOOM_EVALUATION_INVALID', '"good"'],
    ['returns nothing', () => undefined as never, 'invalid', 'ARCHLOOM_EVALUATION_INVALID', 'undefined'],
    ['misses the objective', () => ({ other: 1 }), 'invalid', 'ARCHLOOM_EVALUATION_INVALID', 'sum: number'],
  ] as const)('an evaluator that %s', async (_, evaluator, reason, code, quoted) => {
    const { failures, state } = await failing(evaluator as EvaluatorFunction<Digits>)
    expect(failures).toHaveLength(6)
    expect(failures[0]).toMatchObject({ reason, code })
    expect((failures[0] as { message: string }).message).toContain(quoted)
    expect(state).toMatchObject({ status: 'finished', failed: 6, completed: 0 })
  })

  it('an evaluator may answer at once, or throw at once, without a promise', async () => {
    const evaluate = ({ architecture, trial }: { architecture: Digits; trial: number }) => {
      if (trial === 1) throw new Error('not this one')
      return { metrics: { sum: sum(architecture) } }
    }
    await using search = compose({ evaluator: { kind: 'tabular', name: 'plain', evaluate } as never })
    expect(await search.finish()).toMatchObject({ completed: 29, failed: 1 })
  })

  it('an evaluator that hangs is timed out and aborted, and the search continues', async () => {
    const clock = virtualClock()
    let aborted = 0
    await using search = compose({
      clock,
      budget: { maxTrials: 2, trialSeconds: 10 },
      evaluator: (_a, _r, { signal }) => {
        signal.addEventListener('abort', () => aborted++)
        setTimeout(() => clock.advance(10_000), 1)
        return new Promise(() => {})
      },
    })
    const events = await collect(search)
    expect(events.filter((e) => e.type === 'trial.failed')).toMatchObject([
      { reason: 'timeout', code: 'ARCHLOOM_EVALUATION_TIMEOUT' },
      { reason: 'timeout', code: 'ARCHLOOM_EVALUATION_TIMEOUT' },
    ])
    expect(aborted).toBe(2)
  })

  it('many failures in a row end the search', async () => {
    const { state } = await failing(
      (_, { trial }) => {
        throw new Error(`always ${trial}`)
      },
      { maxTrials: 100, maxConsecutiveFailures: 7 },
    )
    expect(state).toMatchObject({ status: 'finished', reason: 'failures', failed: 7 })
  })

  it('a failure now and then does not', async () => {
    await using search = compose({
      evaluator: (a, { trial }) => (trial % 3 === 0 ? Promise.reject(new Error('x')) : { sum: sum(a) }),
    })
    expect(await search.finish()).toMatchObject({ status: 'finished', reason: 'trials', failed: 10, completed: 20 })
  })
})

describe('budgets', () => {
  it('time counts on the clock of the search', async () => {
    const clock = virtualClock()
    await using search = compose({
      clock,
      budget: { hours: 1 },
      evaluator: (a) => {
        clock.advance(10 * 60_000)
        return { sum: sum(a) }
      },
    })
    expect(await search.finish()).toMatchObject({ reason: 'time', completed: 6, trialsPerMinute: 0.1 })
  })

  it('an undefined limit is none; one of an unknown name is refused', async () => {
    await using search = compose({ budget: { maxTrials: 3, hours: undefined as never } })
    expect(await search.finish()).toMatchObject({ reason: 'trials', completed: 3 })
    const budget = { maxTrial: 3 } as never
    expect(() => compose({ budget })).toThrow(
      /ARCHLOOM_BUDGET_INVALID: budget.maxTrial is 3; did you mean "maxTrials"\? /,
    )
    const objectives = { sum: { direction: 'maximise', atmost: 5 } } as never
    expect(() => compose({ objectives })).toThrow(
      /ARCHLOOM_OBJECTIVE_INVALID: .*"sum.atmost" is 5; did you mean "atMost"\? /,
    )
  })

  it('a target ends the search', async () => {
    await using search = compose({
      objectives: { sum: { direction: 'maximise', target: 6 } },
      budget: { maxTrials: 500 },
    })
    const state = await search.finish()
    expect(state.reason).toBe('target')
    expect(state.best?.metrics.sum).toBeGreaterThanOrEqual(6)
  })

  it.each([{ maxTrials: 0 }, { maxTrials: 1.5 }, { hours: -1 }, { seconds: 'ten' as never }])(
    'refuses %o',
    (budget) => {
      expect(() => compose({ budget })).toThrow('ARCHLOOM_BUDGET_INVALID')
    },
  )
})

describe('several objectives', () => {
  it('keeps a front of what nothing dominates, and announces its changes', async () => {
    await using search = compose({
      evaluator: (a) => ({ sum: sum(a), first: a.digit[0] as number }),
      objectives: { sum: 'maximise', first: 'minimise' },
      budget: { maxTrials: 200 },
    })
    const fronts: number[] = []
    search.on('pareto.changed', ({ front }) => fronts.push(front.length))
    await search.finish()
    const front = search.front().map(({ metrics }) => [metrics.sum, metrics.first])
    expect(fronts.length).toBeGreaterThan(0)
    for (const [a, b] of front as [number, number][])
      for (const [c, d] of front as [number, number][]) expect((c > a && d <= b) || (c >= a && d < b)).toBe(false)
  })

  it('a bound makes trials infeasible: kept, never best', async () => {
    await using search = compose({
      objectives: { sum: { direction: 'maximise', atMost: 5 } },
      budget: { maxTrials: 200 },
    })
    await search.finish()
    expect(search.best(1)[0]?.metrics.sum).toBe(5)
    expect(search.best(1000).every(({ metrics }) => (metrics.sum as number) <= 5)).toBe(true)
  })

  it.each([
    {},
    { sum: 'up' as never },
    { sum: { direction: 'maximise' as const, atMost: Number.NaN } },
    { sum: { direction: 'maximise' as const, atLeast: 6, atMost: 5 } },
    { sum: { direction: 'maximise' as const, target: 6, atMost: 5 } },
    { sum: { direction: 'minimise' as const, target: 4, atLeast: 5 } },
    JSON.parse('{"constructor":"maximise"}') as { sum: 'maximise' },
  ])('refuses %o', (objectives) => {
    expect(() => compose({ objectives })).toThrow('ARCHLOOM_OBJECTIVE_INVALID')
  })

  it('refuses an objective that the evaluator does not report', () => {
    const evaluator = {
      kind: 'tabular' as const,
      name: 'table',
      metrics: ['accuracy'],
      create: () => ({ kind: 'tabular' as const, name: 'table', evaluate: async () => ({ metrics: {} }) }),
    }
    expect(() => compose({ evaluator })).toThrow(/ARCHLOOM_OBJECTIVE_UNKNOWN_METRIC.*accuracy/)
  })
})

describe('ask and tell', () => {
  it('is the same search with the loop outside', async () => {
    await using inside = compose({ budget: { maxTrials: 10 } })
    const expected = (await collect(inside)).flatMap((e) => (e.type === 'trial.proposed' ? [e.genotype] : []))
    await using search = compose({ budget: { maxTrials: 10 } })
    const proposed: (readonly number[])[] = []
    for (let i = 0; i < 10; i++) {
      const proposal = await search.propose()
      proposed.push(proposal.genotype)
      await search.observe(proposal, { sum: sum(proposal.architecture) })
    }
    expect(proposed).toEqual(expected)
    expect(search.state()).toMatchObject({ completed: 10 })
  })

  it('takes results out of order and failures, and refuses strangers', async () => {
    await using search = compose()
    const [a, b] = [await search.propose(), await search.propose()]
    await search.observe(b, { sum: 1 })
    await search.observe(a, { failed: 'the cluster was down' })
    expect(search.state()).toMatchObject({ completed: 1, failed: 1, running: [] })
    await expect(search.observe({ trial: 9 }, { sum: 1 })).rejects.toThrow('ARCHLOOM_SEARCH_TRIAL_UNKNOWN')
    await expect(search.observe(a, { sum: 1 })).rejects.toThrow('ARCHLOOM_SEARCH_TRIAL_UNKNOWN')
    const c = await search.propose()
    await expect(search.observe(c, { sum: Number.NaN })).rejects.toThrow('ARCHLOOM_EVALUATION_INVALID')
    await expect(search.observe(c, {})).rejects.toThrow('ARCHLOOM_EVALUATION_INVALID')
    await search.observe(c, { sum: 2 })
  })
})

describe('ask and tell in two processes', () => {
  it('a trial that was left without a result is proposed again, first, and the controller hears of all', async () => {
    await using whole = compose({ budget: { maxTrials: 6 } })
    const expected = (await collect(whole)).flatMap((e) => (e.type === 'trial.proposed' ? [e.genotype] : []))
    const store = memoryStore()
    const first = compose({ study: store })
    for (let i = 0; i < 2; i++) {
      const proposal = await first.propose()
      await first.observe(proposal, { sum: sum(proposal.architecture) })
    }
    const lost = await first.propose()
    // Here the process is killed.
    await using second = compose({ study: store })
    const proposed: (readonly number[])[] = []
    for (let i = 2; i < 6; i++) {
      const proposal = await second.propose()
      if (i === 2) expect(proposal).toEqual(lost)
      proposed.push(proposal.genotype)
      await second.observe(proposal, { sum: sum(proposal.architecture) })
    }
    expect(proposed).toEqual(expected.slice(2))
    const told = (await readEvents(store)).flatMap((e) => (e.type === 'controller.updated' ? e.trials : []))
    expect(told).toEqual([0, 1, 2, 3, 4, 5])
  })

  it('keeps the reason of a failure, refuses invalid results, and does not mix with run()', async () => {
    const store = memoryStore()
    await using search = compose({ study: store })
    await search.observe(await search.propose(), { failed: 'no memory left', reason: 'timeout' })
    expect((await readEvents(store)).find((e) => e.type === 'trial.failed')).toMatchObject({ reason: 'timeout' })
    const proposal = await search.propose()
    for (const nothing of [undefined, null, 0.5, 'good', { sum: '1' }, []])
      await expect(search.observe(proposal, nothing as never)).rejects.toThrow('ARCHLOOM_EVALUATION_INVALID')
    await expect(search.observe(undefined as never, { sum: 1 })).rejects.toThrow('ARCHLOOM_SEARCH_TRIAL_UNKNOWN')
    await search.observe(proposal, { sum: 1 })
    const run = search.run()
    await run.next()
    await expect(search.propose()).rejects.toThrow('ARCHLOOM_SEARCH_ALREADY_RUNNING')
    await run.return(undefined)
  })
})

describe('the host', () => {
  const withAlgorithm = (algorithm: Algorithm) =>
    compose({
      plugins: [definePlugin({ name: 'own', provides: ['algorithm'], bind: (b) => b.algorithm.to(algorithm) })],
    })

  it('runs an algorithm of its own', async () => {
    await using search = withAlgorithm(async function* ({ trials }) {
      yield { type: 'stage.started', stage: 'warm-up', index: 0, facts: {} }
      yield trials.open({ genotype: [2, 2, 2, 2] })
      yield trials.end(0, { ok: true, evaluation: { metrics: { sum: 8 } } }, 1)
      yield* trials.commit([0])
      return 'algorithm'
    })
    await search.finish()
    expect(search.state()).toMatchObject({ stage: 'warm-up', completed: 1, reason: 'algorithm' })
  })

  it.each([
    ['progress of no trial', { type: 'trial.progress', trial: 0, step: 1, metrics: {} }],
    [
      'the end of no trial',
      { type: 'trial.failed', trial: 0, genotype: [], reason: 'error', code: '', message: '', elapsedMs: 0 },
    ],
    ['a trial out of number', { type: 'trial.proposed', trial: 7, genotype: [0, 0, 0, 0], seed: 1 }],
    ['a second start', { type: 'search.resumed', trials: 0, budget: {} }],
    ['a commit of nothing', { type: 'controller.updated', trials: [0], diagnostics: {} }],
  ] as const)('refuses %s', async (_, event) => {
    const store = memoryStore()
    await using search = compose({
      study: store,
      plugins: [
        definePlugin({
          name: 'own',
          provides: ['algorithm'],
          bind: (b) =>
            b.algorithm.to(async function* () {
              yield { type: 'stage.started', stage: 'first', index: 0, facts: {} }
              if (event.type === 'search.resumed')
                yield { type: 'search.finished', reason: 'algorithm', trials: 0, elapsedMs: 0 }
              yield event.type === 'search.resumed'
                ? { type: 'stage.started', stage: 'after the end', index: 1, facts: {} }
                : (event as never)
              return 'algorithm' as const
            }),
        }),
      ],
    })
    await expect(search.finish()).rejects.toThrow('ARCHLOOM_EVENT_GRAMMAR')
    // What was refused was never written.
    expect(
      (await readEvents(store)).some((written) => written.type === event.type && event.type.startsWith('trial')),
    ).toBe(false)
  })

  it('a controller that proposes outside the space stops the search with a code, and the journal says so', async () => {
    const store = memoryStore()
    await using search = compose({
      study: store,
      plugins: [
        climbing(() => ({
          propose: () => ({ genotype: [0, 0, 9, 0] }),
          observe: () => ({}),
          [Symbol.dispose]() {},
        })),
      ],
    })
    const thrown = await search.finish().catch((e: unknown) => e)
    expect(ArchloomError.is(thrown) && thrown.code).toBe('ARCHLOOM_CONTROLLER_PROPOSAL_INVALID')
    expect((thrown as Error).message).toContain('genotype[2] is 9')
    expect((await readEvents(store)).at(-1)).toMatchObject({ type: 'search.stopped' })
  })

  it('stops when the consumer leaves the loop', async () => {
    await using search = compose()
    for await (const event of search.run()) if (event.type === 'trial.completed' && event.trial === 3) break
    expect(search.state()).toMatchObject({ status: 'stopped', reason: 'the consumer left the loop' })
  })
})
