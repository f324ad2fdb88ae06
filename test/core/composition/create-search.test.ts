import 'reflect-metadata'
import {
  type Controller,
  createSearch,
  definePlugin,
  type EvaluatorDefinition,
  memoryStore,
  type Plugin,
  type SearchSpace,
  tokens,
  virtualClock,
} from 'archloom'
import { describe, expect, it } from 'vitest'
import { climber, climbing, digits, sum } from '../search/parts.ts'
import { Inject, Injectable } from './decorators.ts'

const compose = (options: Partial<Parameters<typeof createSearch>[0]> = {}) =>
  createSearch({
    space: digits,
    evaluator: (architecture: { readonly digit: readonly number[] }) => ({ sum: sum(architecture) }),
    plugins: [climbing()],
    objectives: { sum: 'maximise' },
    budget: { maxTrials: 3 },
    study: memoryStore(),
    ...options,
  } as Parameters<typeof createSearch>[0])

const named = (name: string, definition: Partial<Parameters<typeof definePlugin>[0]> = {}): Plugin =>
  definePlugin({ name, bind: () => {}, ...definition })

describe('what does not fit is refused at once', () => {
  it.each<[string, Partial<Parameters<typeof createSearch>[0]>, RegExp]>([
    ['no controller', { plugins: [] }, /ARCHLOOM_SEARCH_NO_CONTROLLER.*random\(\)/],
    ['no evaluator', { evaluator: undefined as never }, /ARCHLOOM_SEARCH_NO_EVALUATOR.*trainFromScratch/],
    ['an evaluator that is none', { evaluator: 7 as never }, /ARCHLOOM_SEARCH_NO_EVALUATOR.*7/],
    ['a plugin not called', { plugins: [climbing as never] }, /ARCHLOOM_PLUGIN_INVALID/],
    ['plugins that are no list', { plugins: climbing() as never }, /ARCHLOOM_OPTION.*plugins/],
    ['a space that is none', { space: {} as never }, /ARCHLOOM_OPTION.*space/],
    ['a seed that is none', { seed: Number.NaN }, /ARCHLOOM_OPTION.*seed/],
    [
      'a misspelt option',
      { concurency: 2 } as never,
      /ARCHLOOM_OPTION: createSearch has no option "concurency" .*did you mean "concurrency"/,
    ],
    [
      'a misspelt option of the study',
      { study: { nmae: 'faces' } as never },
      /ARCHLOOM_OPTION: study of createSearch has no option "nmae" .*did you mean "name"/,
    ],
    [
      'a misspelt moment of forcing events to the disk',
      { study: { name: 'a', fsync: 'trails' } } as never,
      /ARCHLOOM_OPTION: study of createSearch: option "fsync" is "trails"; expected 'never' or 'trial'/,
    ],
    [
      'that moment beside a storage, which says it itself',
      { study: { name: 'a', storage: 'memory:studies', fsync: 'trial' } } as never,
      /ARCHLOOM_OPTION.*"fsync" is "trial"; expected it in the URL of the storage/,
    ],
    [
      'two places for one study',
      { study: { name: 'a', storage: 'memory:studies', directory: '/tmp/a' } } as never,
      /ARCHLOOM_OPTION.*"directory" is "\/tmp\/a"; expected no directory beside storage/,
    ],
    ['a study without a name', { study: '' }, /ARCHLOOM_OPTION: createSearch: option "study" is ""/],
    ['a study that is none', { study: null as never }, /ARCHLOOM_OPTION: createSearch: option "study" is null/],
    ['no evaluations at once', { concurrency: 0 }, /ARCHLOOM_OPTION.*concurrency/],
    [
      'two controllers',
      { plugins: [climbing(), named('other', { bind: (b) => b.controller.to(climber) })] },
      /ARCHLOOM_PLUGIN_CONFLICT.*"climbing" and "other"/,
    ],
    [
      'the same plugin twice',
      { plugins: [named('once'), named('once'), climbing()] },
      /ARCHLOOM_PLUGIN_DUPLICATE.*once/,
    ],
    [
      'a promise not kept',
      { plugins: [named('empty', { provides: ['controller'] })] },
      /ARCHLOOM_PLUGIN_PROMISE.*empty/,
    ],
    [
      'shared weights missing',
      { plugins: [climbing(), named('cnas', { needs: ['evaluator:weight-sharing'] })] },
      /ARCHLOOM_PLUGIN_NEEDS_SUPERNET: "cnas".*weightSharing\(\)/,
    ],
    [
      'networks missing',
      { plugins: [climbing(), named('trainer', { needs: ['networks'] })] },
      /ARCHLOOM_PLUGIN_NEEDS_NETWORKS.*"digits"/,
    ],
    [
      'a capability missing',
      { plugins: [climbing(), named('dinas', { needs: [{ need: 'supernet', remedy: 'Add cnas().' }] })] },
      /ARCHLOOM_PLUGIN_NEEDS: "dinas" needs "supernet".*Add cnas\(\)/,
    ],
  ])('%s', (_, options, message) => {
    expect(() => compose(options)).toThrow(message)
  })

  it('an evaluator that needs networks, on a space without', () => {
    const evaluator: EvaluatorDefinition = {
      kind: 'from-scratch',
      name: 'train',
      needs: ['networks'],
      create: () => ({ kind: 'from-scratch', name: 'train', evaluate: async () => ({ metrics: {} }) }),
    }
    expect(() => compose({ evaluator })).toThrow('ARCHLOOM_PLUGIN_NEEDS_NETWORKS')
  })

  it('nothing at all', () => {
    expect(() => createSearch(undefined as never)).toThrow(/ARCHLOOM_OPTION: createSearch: the options are null/)
  })

  it('a definition without a name', () => {
    expect(() => definePlugin({ name: '', bind: () => {} })).toThrow('ARCHLOOM_PLUGIN_INVALID')
  })

  it('binding after composition', () => {
    let late: () => void = () => {}
    compose({
      plugins: [
        climbing(),
        named('late', {
          bind: (b) => {
            late = () => b.bind(tokens.CLOCK).to(virtualClock())
          },
        }),
      ],
    })
    expect(late).toThrow('ARCHLOOM_SEARCH_FROZEN')
  })
})

describe('composition', () => {
  it('user overrides come last', async () => {
    const clock = virtualClock(1000)
    await using search = compose({ overrides: (bind) => bind(tokens.CLOCK).to(clock) })
    expect((await search.finish()).startedAt).toBe(1000)
    expect(search.state().elapsedMs).toBe(0)
  })

  it('classes with injected parts work as well as factories', async () => {
    class Corner implements Controller {
      readonly space: SearchSpace
      constructor(space: SearchSpace) {
        this.space = space
      }
      propose() {
        return { genotype: this.space.decisions.map(() => 2) }
      }
      observe() {
        return {}
      }
      [Symbol.dispose]() {}
    }
    Injectable(Corner)
    Inject(tokens.SPACE, Corner, 0)
    await using search = compose({
      plugins: [named('corner', { provides: ['controller'], bind: (b) => b.controller.toClass(Corner) })],
    })
    await search.finish()
    expect(search.best(1)[0]?.metrics.sum).toBe(8)
  })

  it('plugins share parts of their own through typed tokens', async () => {
    const LUCK = tokens.token<number>('luck')
    let got = 0
    const giver = named('giver', { provides: ['luck'], bind: (b) => b.bind(LUCK).to(7) })
    const READY = tokens.token<string>('ready')
    const taker = named('taker', {
      needs: ['luck'],
      bind: (b) =>
        b.bind(READY).toFactory((get) => {
          got = get(LUCK)
          return 'ready'
        }),
    })
    const user = named('user', {
      provides: ['controller'],
      bind: (b) => {
        b.bind(tokens.CONTROLLER).toFactory((get) => {
          get(READY)
          return climber(get(tokens.SPACE), get(tokens.RANDOM))
        })
      },
    })
    await using search = compose({ plugins: [giver, taker, user] })
    await search.finish()
    expect(got).toBe(7)
  })

  it('two searches share nothing', async () => {
    await using a = compose({ seed: 1, study: memoryStore('a') })
    await using b = compose({ seed: 1, study: memoryStore('b') })
    await a.finish()
    expect(a.state().completed).toBe(3)
    expect(b.state().completed).toBe(0)
  })

  it('disposes the controller, the evaluator and the store, once', async () => {
    const disposed: string[] = []
    const evaluator = {
      kind: 'tabular' as const,
      name: 'table',
      evaluate: async () => ({ metrics: { sum: 1 } }),
      [Symbol.asyncDispose]: async () => void disposed.push('evaluator'),
    }
    const store = { ...memoryStore(), close: () => void disposed.push('store') }
    const controller = climbing((space, rng) => ({
      ...climber(space, rng),
      [Symbol.dispose]: () => void disposed.push('controller'),
    }))
    const search = compose({ evaluator, study: store, plugins: [controller] })
    await search.finish()
    await search[Symbol.asyncDispose]()
    await search[Symbol.asyncDispose]()
    expect(disposed).toEqual(['controller', 'evaluator', 'store'])
  })

  it('warns of a trainer that the evaluator leaves alone', async () => {
    const trainer = { name: 'mine', fit: () => [] } as never
    const training = named('training', { provides: ['trainer'], bind: (b) => b.trainer.to(trainer) })
    const warnings = async (options: Partial<Parameters<typeof createSearch>[0]>) => {
      await using search = compose({ plugins: [climbing(), training], ...options })
      const heard: string[] = []
      search.on('search.warning', ({ code, message }) => heard.push(`${code}: ${message}`))
      await search.finish()
      return heard
    }
    expect(await warnings({})).toEqual([
      expect.stringMatching(/ARCHLOOM_TRAINER_UNUSED: .*"training".*trainFromScratch/),
    ])
    const taking: EvaluatorDefinition = {
      kind: 'from-scratch',
      name: 'taking',
      create: ({ trainer }) => ({
        kind: 'from-scratch',
        name: trainer?.name ?? 'none',
        evaluate: async () => ({ metrics: { sum: 1 } }),
      }),
    }
    expect(await warnings({ evaluator: taking })).toEqual([])
  })

  it('observers of plugins receive all events of a run', async () => {
    let heard = 0
    await using search = compose({
      plugins: [
        climbing(),
        named('ear', { bind: (b) => b.observer.to((stream) => void stream.on('trial.completed', () => heard++)) }),
      ],
    })
    await search.finish()
    expect(heard).toBe(3)
  })

  it('describes what was resolved and cites the parts in use, each once', () => {
    const paper = { title: 'T', authors: 'A', venue: 'V', year: 2020, bibtex: '@article{t}' }
    const search = compose({
      plugins: [climbing(), named('a', { paper, options: { depth: 3 } }), named('b', { paper: [paper] })],
    })
    expect(search.describe()).toContain('controller  from climbing')
    expect(search.describe()).toContain('plugin      a {"depth":3}')
    expect(search.describe()).toContain('81 architectures')
    expect(search.cite()).toBe('@article{t}')
  })
})
