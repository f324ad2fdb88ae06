import { request as httpRequest } from 'node:http'
import {
  createSearch,
  defineSpace,
  type EventDraft,
  integer,
  type Json,
  memoryStore,
  oneOf,
  product,
  type SearchEvent,
  seeded,
} from 'archloom'
import { dashboard, serveDashboard } from 'archloom/plugins/dashboard'
import { random } from 'archloom/plugins/random'
import { hypervolume } from 'archloom/policy'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fastifyHere } from '../../../plugins/dashboard/fastify.ts'
import { MethodRecord } from '../../../plugins/dashboard/method-record.ts'
import { pageFiles } from '../../../plugins/dashboard/page-files.ts'
import type {
  Course,
  ImportanceAnswer,
  MethodMetrics,
  News,
  Overview,
  Parallel,
  Plane,
  TrialCourse,
  TrialDetail,
  TrialPage,
  WorkersAnswer,
} from '../../../plugins/dashboard/protocol.ts'
import { thinned } from '../../../plugins/dashboard/thinning.ts'
import { eventful, eventfulStore, HOSTILE } from '../eventful-study.ts'
import { measuredStudy } from './measured-study.ts'
import { PNG, panelsStore } from './panels-study.ts'
import { placeOf } from './place-of.ts'
import { stagedStore } from './staged-study.ts'

const TRIALS = 6000
const points = measuredStudy(TRIALS)
const stores = {
  eventful: await eventfulStore(),
  measured: points.store,
  stages: await stagedStore(),
  panels: await panelsStore(),
  empty: memoryStore('empty'),
}
let server: Awaited<ReturnType<typeof serveDashboard>>

beforeAll(async () => {
  server = await serveDashboard({ studies: placeOf(stores), port: 0, token: 'open sesame' })
})
afterAll(() => server.close())

const get = async <T>(path: string): Promise<T> => {
  const response = await fetch(`${server.url}/api/studies${path}`)
  const body = (await response.json()) as T
  expect(response.status, JSON.stringify(body).slice(0, 300)).toBe(200)
  return body
}
const refused = async (path: string, init: RequestInit = {}) => {
  const response = await fetch(server.url + path, init)
  const { error } = (await response.json()) as { error: { code: string; message: string } }
  return { status: response.status, ...error }
}

describe('what the server says about a study', () => {
  it('lists studies, and what is wrong with those that cannot be read', async () => {
    const { studies } = await get<{ studies: { study: string; status: string; trials?: number; best?: unknown }[] }>('')
    expect(studies.map(({ study }) => study).sort()).toEqual(['empty', 'eventful', 'measured', 'panels', 'stages'])
    expect(studies.find(({ study }) => study === 'eventful')).toMatchObject({
      status: 'running',
      trials: 5,
      best: { metric: 'accuracy', value: 0.75, trial: 0 },
    })
    expect(studies.find(({ study }) => study === 'empty')).toMatchObject({ status: 'idle', trials: 0 })
  })

  it('tells where it stands', async () => {
    const overview = await get<Overview>('/eventful')
    expect(overview.standing).toMatchObject({
      seq: eventful.length - 1,
      status: 'running',
      proposed: 7,
      completed: 3,
      pruned: 1,
      failed: 1,
      running: [5],
      resting: 1,
      best: { trial: 0 },
      front: 2,
    })
    expect(overview.metrics.toSorted()).toEqual(['accuracy', 'latencyMs', 'loss'])
    expect(overview.budget).toEqual({ maxTrials: 7 })
    // 2 of 7 trials are left, and 5 took the time so far.
    expect(overview.standing.msLeft).toBeCloseTo((2 * overview.standing.elapsedMs) / 5)
    expect(overview.failures).toMatchObject([{ reason: 'error', count: 1, latest: [{ trial: 1 }] }])
    expect(overview.failures[0]?.latest[0]?.stack).toContain(HOSTILE)
    expect(overview.controls).toEqual([])
  })

  it('draws the course of a metric, with what is out of bounds, pruned or failed apart', async () => {
    const course = await get<Course>('/eventful/course')
    expect(course).toMatchObject({
      metric: 'accuracy',
      direction: 'maximise',
      trial: [0, 2, 3, 4],
      value: [0.75, 0.25, 0.9, 0.6],
      kind: [0, 2, 1, 0],
      best: { trial: [0], value: [0.75] },
      failed: [1],
      bounds: [],
    })
    expect((await get<Course>('/eventful/course?metric=latencyMs')).bounds).toEqual([10])
  })

  it('finds the front of any two metrics, as a comparison of all pairs does', async () => {
    const small = await get<Plane>('/eventful/plane')
    expect(small.front.map((i) => [small.xs[i], small.ys[i]])).toEqual([
      [2, 0.6],
      [8, 0.75],
    ])
    const plane = await get<Plane>('/measured/plane?x=cost&y=accuracy')
    const feasible = points.trials.filter(({ cost }) => cost <= points.atMost)
    const expected = feasible.filter(
      (one) =>
        !feasible.some(
          (other) =>
            other.cost <= one.cost &&
            other.accuracy >= one.accuracy &&
            (other.cost < one.cost || other.accuracy > one.accuracy),
        ),
    )
    expect(plane.front.map((i) => plane.trial[i]).sort()).toEqual(expected.map(({ trial }) => trial).sort())
    expect(plane.total).toBe(TRIALS)
    expect(plane.trial.length).toBeLessThan(TRIALS)
    const turned = await get<Plane>('/measured/plane?x=cost&y=accuracy&xDirection=maximise')
    expect(turned.front).not.toEqual(plane.front)
  })

  it('measures the hypervolume of the front in the box of feasible results', async () => {
    const { hypervolume: volume } = await get<Overview>('/measured')
    const feasible = points.trials.filter(({ cost }) => cost <= points.atMost)
    const [most, least] = [Math.max(...feasible.map(({ cost }) => cost)), Math.min(...feasible.map(({ cost }) => cost))]
    const [best, worst] = [
      Math.max(...feasible.map(({ accuracy }) => accuracy)),
      Math.min(...feasible.map(({ accuracy }) => accuracy)),
    ]
    const all = feasible.map(({ cost, accuracy }) => [
      (accuracy - worst) / (best - worst),
      (most - cost) / (most - least),
    ])
    expect(volume?.share.at(-1)).toBeCloseTo(hypervolume(all, [0, 0]), 12)
    expect([...(volume?.share ?? [])]).toEqual([...(volume?.share ?? [])].sort((a, b) => a - b))
  })

  it('sorts, filters and pages trials', async () => {
    const ask = (query: string) => get<TrialPage>(`/measured/trials?${query}`)
    const byAccuracy = points.trials.toSorted((a, b) => b.accuracy - a.accuracy || a.trial - b.trial)
    const page = await ask('sort=accuracy&order=descending&offset=1000&limit=50')
    expect(page.rows.map(({ trial }) => trial)).toEqual(byAccuracy.slice(1000, 1050).map(({ trial }) => trial))
    expect(page.total).toBe(TRIALS)
    const good = await ask(`filter=${encodeURIComponent('accuracy>0.9 layer.op=b')}&limit=500`)
    const expected = points.trials.filter(({ accuracy, genotype }) => accuracy > 0.9 && genotype[0] === 1)
    expect(good.total).toBe(expected.length)
    expect(good.rows.map(({ trial }) => trial)).toEqual(expected.slice(0, 500).map(({ trial }) => trial))
    expect(expected.length).toBeGreaterThan(20)
    const failed = await get<TrialPage>('/eventful/trials?status=failed')
    expect(failed.rows).toMatchObject([{ trial: 1, reason: 'error' }])
    expect((await get<TrialPage>('/eventful/trials?filter=reason%3Derror')).total).toBe(1)
    expect((await get<TrialPage>('/eventful/trials?filter=luck')).total).toBe(1)
    // Trials without a value come last, whatever the order.
    for (const order of ['ascending', 'descending'])
      expect(
        (await get<TrialPage>(`/eventful/trials?sort=accuracy&order=${order}`)).rows
          .slice(-3)
          .map(({ trial }) => trial),
      ).toEqual([1, 5, 6])
  })

  it('shows a trial with its rungs, its curve and its log', async () => {
    const detail = await get<TrialDetail>('/eventful/trials/3')
    expect(detail.rungs.map(({ rung, fidelity }) => [rung, fidelity])).toEqual([
      [0, 0.5],
      [1, 1],
    ])
    expect(detail).toMatchObject({ status: 'completed', feasible: false, isOnFront: false, trials: 7 })
    expect(detail.values[0]).toBe('true')
    const course = await get<TrialCourse>('/eventful/trials/0/course')
    expect(course.curve.map(({ step, metrics }) => [step, metrics.accuracy])).toEqual([
      [1, 'NaN'],
      [2, 0.5],
      [3, 0.75],
    ])
    expect(course.log.map(({ type }) => type)).toEqual([
      'trial.proposed',
      'trial.progress',
      'trial.progress',
      'trial.progress',
      'trial.completed',
    ])
    const third = await get<TrialCourse>('/eventful/trials/3/course')
    expect(third.log.map(({ type }) => type)).toEqual([
      'trial.proposed',
      'trial.paused',
      'trial.continued',
      'trial.completed',
    ])
  })

  it('lays the best trials and some of the others out as lines', async () => {
    const { trial, genotypes, metrics, total } = await get<Parallel>('/measured/parallel')
    expect(total).toBe(points.trials.filter(({ cost }) => cost <= points.atMost).length)
    const best = points.trials.filter(({ cost }) => cost <= points.atMost).toSorted((a, b) => b.accuracy - a.accuracy)
    expect(trial.slice(0, 100)).toEqual(best.slice(0, 100).map((each) => each.trial))
    expect([genotypes.length, metrics.cost?.length]).toEqual([trial.length, trial.length])
  })
})

describe('importance of decisions', () => {
  /** Accuracy follows the first decision, and hardly the second; `size` follows the second alone. */
  async function study(trials: number, decisions: number) {
    const space = defineSpace(
      'wide',
      product(Object.fromEntries(Array.from({ length: decisions }, (_, i) => [`d${i}`, integer(0, 3)]))),
    )
    const store = memoryStore('wide')
    const rng = seeded(5)
    const drafts: EventDraft[] = [
      {
        type: 'search.started',
        archloom: '0.1.0',
        study: 'wide',
        space: { name: space.name, fingerprint: space.fingerprint, decisions: space.decisions },
        parts: { plugins: 'random' },
        objectives: [{ metric: 'accuracy', direction: 'maximise', weight: 1, scale: 1 }],
        budget: { maxTrials: trials },
        seed: 1,
        concurrency: 1,
        commit: 'ordered',
      },
    ]
    for (let trial = 0; trial < trials; trial++) {
      const genotype = space.decisions.map(() => rng.int(4))
      const [first = 0, second = 0] = genotype
      const metrics = { accuracy: first + 0.3 * second, size: second, constant: 1 }
      drafts.push(
        { type: 'trial.proposed', trial, genotype, architecture: space.decode(genotype), seed: trial },
        {
          type: 'trial.completed',
          trial,
          genotype,
          metrics,
          reward: metrics.accuracy,
          feasible: true,
          elapsedMs: 1,
        },
      )
    }
    await store.append(drafts.map((draft, seq): SearchEvent => ({ ...draft, seq, at: 1000 + seq })))
    return store
  }

  it('is that of archloom/analysis for all trials of a small study, by both methods', async () => {
    const own = await serveDashboard({ studies: placeOf({ wide: await study(300, 4) }), port: 0 })
    try {
      const ask = async (query: string) =>
        (await (await fetch(`${own.url}/api/studies/wide/importance?${query}`)).json()) as ImportanceAnswer
      const shares = await ask('')
      expect(shares).toMatchObject({ method: 'fanova', metric: 'accuracy', total: 300, trials: 300 })
      const [first, second] = shares.decisions
      // The variances of first and 0.3 · second are in the ratio 1 to 0.09.
      expect(first).toMatchObject({ name: 'd0', share: expect.closeTo(1 / 1.09, 1) })
      expect(second).toMatchObject({ name: 'd1', share: expect.closeTo(0.09 / 1.09, 1) })
      const best = await ask('method=ped-anova&metric=accuracy')
      expect(best.decisions[0]?.name).toBe('d0')
      expect(best.decisions.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1)
      // Metrics that are no objectives are costs.
      const cost = await ask('method=ped-anova&metric=size')
      expect(cost).toMatchObject({ direction: 'minimise', decisions: [{ name: 'd1' }, {}, {}, {}] })
      const nothing = await ask('metric=constant')
      expect(nothing).toMatchObject({ decisions: [], problem: expect.stringContaining('constant is 1 in every') })
    } finally {
      await own.close()
    }
  })

  it('of a large study is computed from a sample, in less than a second of processor time', async () => {
    const own = await serveDashboard({ studies: placeOf({ wide: await study(8000, 40) }), port: 0 })
    try {
      const url = `${own.url}/api/studies/wide/importance`
      await (await fetch(`${own.url}/api/studies/wide`)).json()
      for (const [method, trials] of [
        ['fanova', 300],
        ['ped-anova', 3750],
      ] as const) {
        const before = process.cpuUsage()
        const answer = (await (await fetch(`${url}?method=${method}`)).json()) as ImportanceAnswer
        const { user, system } = process.cpuUsage(before)
        expect(answer).toMatchObject({ total: 8000, trials })
        expect(answer.decisions.slice(0, 1)).toMatchObject([{ name: 'd0' }])
        expect(user + system).toBeLessThan(1e6)
      }
    } finally {
      await own.close()
    }
  })

  it('says why there is none yet', async () => {
    const answer = await get<ImportanceAnswer>('/eventful/importance')
    expect(answer).toMatchObject({ total: 3, decisions: [] })
    expect(answer.problem).toContain('expected at least 8')
  })
})

describe('what a method reports', () => {
  it('is drawn by step; what a resumed search repeats takes the place of what it lost', async () => {
    const { panels, stages, isCut } = await get<MethodMetrics>('/stages/method')
    expect(panels).toEqual([
      { of: 'weights', by: 'step', x: [50, 100, 150, 200], metrics: { loss: [2.3, 1.9, 1.5, 1.4] }, each: 1 },
      {
        of: 'policy',
        by: 'step',
        x: [10, 20, 30, 40],
        metrics: { entropy: [0.69, 0.6, 0.4, 0.3], reward: [null, 0.4, 0.6, 0.7] },
        each: 1,
      },
      {
        of: 'plugin',
        title: 'pruner: gates',
        by: 'event',
        x: [1, 2, 3],
        metrics: { 'gate.0': [0.9, 0.5, 0.1], 'gate.1': [1 - 0.9, 0.5, 0.9] },
        each: 1,
      },
    ])
    expect(stages).toEqual([
      { index: 0, stage: 'narrow', at: 60_000, facts: 'options 2', weights: 0, policy: 0 },
      { index: 1, stage: 'wide', at: 360_000, facts: 'options 4', weights: 100, policy: 20 },
    ])
    expect(isCut).toBe(false)
  })

  it('is drawn as plugins declare it, and declared panels repeat nothing', async () => {
    const { declared, panels, images } = await get<MethodMetrics>('/panels/method')
    expect(declared.map(({ title }) => title)).toEqual(['Gates', 'Gates now', 'Enlargements'])
    expect(declared[0]).toMatchObject({
      about: 'How far each gate is open.',
      x: [1, 2, 3],
      metrics: { 'gate.0': [0.9, 0.5, 0.1], 'gate.1': [1 - 0.9, 0.5, 0.9] },
    })
    expect(declared[1]).toMatchObject({ names: ['0', '1'], values: [0.1, 0.9] })
    expect(declared[2]).toMatchObject({
      images: [{ caption: 'name <b>lost</b>' }, { caption: 'name bridge, psnr 31.23' }],
    })
    // Of the events with gates, only the fact that no panel shows.
    expect(panels).toMatchObject([{ title: 'pruner: gates', metrics: { open: [1, 2, 3] } }])
    expect(images).toMatchObject([
      {
        title: 'painter: samples',
        images: [{ caption: 'page, trial 0, step 100' }, { caption: 'samples, trial 0, step 100' }],
      },
    ])
  })

  it('images come from data URLs and artifacts, and nothing but images is served', async () => {
    const { declared, images } = await get<MethodMetrics>('/panels/method')
    const idOf = (caption: string) => {
      const kept = [...declared.flatMap((panel) => (panel.kind === 'images' ? panel.images : [])), ...images[0]!.images]
      return kept.find((line) => line.caption.includes(caption))!.id
    }
    const ask = (id: number | string) => fetch(`${server.url}/api/studies/panels/images/${id}`)
    for (const caption of ['bridge', 'samples,']) {
      const answer = await ask(idOf(caption))
      expect(answer.headers.get('content-type')).toBe('image/png')
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
      expect(Buffer.from(await answer.arrayBuffer()).toString('base64')).toBe(PNG)
    }
    for (const [id, problem] of [
      [idOf('lost'), 'there is no such file'],
      [idOf('page'), 'it is not a PNG, JPEG, WebP or GIF image'],
      [99, 'no image of this number is kept'],
      ['..%2F..%2Fetc%2Fpasswd', 'no image of this number is kept'],
    ] as const) {
      const answer = await ask(id)
      expect(answer.status).toBe(404)
      const { error } = (await answer.json()) as { error: { code: string; message: string } }
      expect(error.code).toBe('ARCHLOOM_DASHBOARD_IMAGE')
      expect(error.message).toContain(problem)
    }
  })

  it('workers are those that their reports tell of', async () => {
    const { workers, events } = await get<WorkersAnswer>('/panels/workers')
    expect(workers.map(({ worker, state }) => [worker, state])).toEqual([
      ['box-1 (4711)', 'working'],
      ['process 12', 'died'],
      ['box-2 (4712)', 'lost'],
    ])
    expect(workers[0]).toMatchObject({ plugin: 'distributed', size: 4 })
    expect(workers[0]).not.toHaveProperty('trial')
    expect(workers[1]).toMatchObject({ trial: 0, megabytes: 250, peakMegabytes: 310.5, message: 'killed by SIGKILL' })
    expect(events.map(({ text }) => text)).toEqual([
      'died · process 12 · killed by SIGKILL',
      'lost · box-2 (4712)',
      'joined · box-2 (4712)',
      'joined · box-1 (4711)',
    ])
    expect((await get<WorkersAnswer>('/eventful/workers')).workers).toEqual([])
  })

  const record = (drafts: readonly EventDraft[]) => {
    const made = new MethodRecord()
    drafts.forEach((draft, seq) => {
      made.take({ ...draft, seq, at: seq })
    })
    return made.answer
  }
  const weights = (step: number, loss: number): EventDraft => ({ type: 'weights.progress', step, metrics: { loss } })
  const stage = (index: number): EventDraft => ({ type: 'stage.started', stage: `target ${index}`, index, facts: {} })
  const resumed: EventDraft = { type: 'search.resumed', trials: 1, budget: {} }

  it('goes on where a stage counts its own steps, resumed or not', () => {
    const targets = [stage(0), weights(1, 9), weights(2, 8), stage(1), weights(1, 7), weights(2, 6)]
    expect(record(targets).panels[0]).toMatchObject({ x: [1, 2, 3, 4], metrics: { loss: [9, 8, 7, 6] } })
    const repeated = [...targets, resumed, stage(1), weights(1, 5), weights(2, 4), weights(3, 3)]
    expect(record(repeated).panels[0]).toMatchObject({ x: [1, 2, 3, 4, 5], metrics: { loss: [9, 8, 5, 4, 3] } })
    const next = [...targets, resumed, stage(2), weights(1, 5)]
    expect(record(next).panels[0]).toMatchObject({ x: [1, 2, 3, 4, 5], metrics: { loss: [9, 8, 7, 6, 5] } })
  })

  it('takes as little memory as 2,000 points, as means of equally many reports', () => {
    const { panels } = record(Array.from({ length: 5000 }, (_, i) => weights(i + 1, i)))
    const { x, metrics, each } = panels[0]!
    expect([each, x.length]).toEqual([4, 1250])
    expect(x.slice(0, 2)).toEqual([4, 8])
    expect(metrics.loss?.slice(0, 2)).toEqual([1.5, 5.5])
    expect([x.at(-1), metrics.loss?.at(-1)]).toEqual([5000, 4997.5])
  })

  it('is cut where a plugin invents names without end, and no name is special', () => {
    const events = Array.from(
      { length: 100 },
      (_, i): EventDraft => ({ type: 'plugin.event', plugin: '__proto__', name: `n${i}`, facts: { [`f${i}`]: 1 } }),
    )
    const hostile: EventDraft = { type: 'plugin.event', plugin: 'p', name: 'n', facts: JSON.parse('{"__proto__":1}') }
    expect(record([hostile]).panels[0]?.x).toEqual([1])
    expect(record(events)).toMatchObject({ isCut: true })
    expect(record(events).panels.length).toBe(30)
  })

  it('of a controller is drawn by the trials that it was told of', () => {
    const told = (trials: number[], loss?: number): EventDraft => ({
      type: 'controller.updated',
      trials,
      diagnostics: loss === undefined ? {} : { loss },
    })
    expect(record([told([0])]).panels).toEqual([])
    expect(record([told([0]), told([1, 2], 3), told([3], 2)]).panels).toMatchObject([
      { of: 'controller', by: 'trials', x: [3, 4], metrics: { loss: [3, 2] } },
    ])
  })
})

describe('news', () => {
  /** Reads a stream of events until it has told of `seq`. */
  async function read(url: string, seq: number, headers: Record<string, string> = {}): Promise<News[]> {
    const stop = new AbortController()
    const response = await fetch(url, { headers, signal: stop.signal })
    expect(response.headers.get('content-type')).toContain('text/event-stream')
    const news: News[] = []
    let text = ''
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      text += Buffer.from(chunk).toString()
      const whole = text.split('\n\n')
      text = whole.pop() ?? ''
      for (const message of whole) {
        const [, data] = /^data: ([^\n]*)/m.exec(message) ?? []
        if (data !== undefined) news.push(JSON.parse(data) as News)
      }
      if ((news.at(-1)?.standing.seq ?? -1) >= seq) break
    }
    stop.abort()
    return news
  }

  it('go on from the last event that a reader saw, and repeat none', async () => {
    const store = memoryStore('live')
    const half = 20
    await store.append(eventful.slice(0, half))
    const live = await serveDashboard({ studies: placeOf({ live: store }), port: 0 })
    try {
      const url = `${live.url}/api/studies/live/news`
      const first = read(`${url}?from=0`, half + 1)
      await new Promise((resolve) => setTimeout(resolve, 400))
      await store.append(eventful.slice(half, half + 2))
      const seen = await first
      // Lost while nobody was connected:
      await store.append(eventful.slice(half + 2))
      await new Promise((resolve) => setTimeout(resolve, 100))
      const last = seen.at(-1)!.standing.seq
      const later = await read(url, eventful.length - 1, { 'last-event-id': String(last) })
      const lines = [...seen, ...later].flatMap(({ activity }) => activity.map(({ seq }) => seq))
      expect(lines).toEqual([...new Set(lines)])
      const wanted = eventful.filter(({ type, seq }) => seq > 0 && /completed|failed|pruned/.test(type))
      expect(lines).toEqual(wanted.map(({ seq }) => seq))
      expect(later.at(-1)?.standing).toMatchObject({ proposed: 7, completed: 3, running: [5] })
    } finally {
      await live.close()
    }
  })

  it('come from a search in this process by the plugin, until it is disposed of', async () => {
    const space = defineSpace('one', oneOf('a', 'b', 'c'))
    let opened = (_url: string) => {}
    const url = new Promise<string>((resolve) => {
      opened = resolve
    })
    const search = createSearch({
      space,
      evaluator: async () => ({ accuracy: (await url).length > 0 ? 1 : 0 }),
      plugins: [random(), dashboard({ port: 0, onOpen: (at) => opened(at) })],
      objectives: { accuracy: 'maximise' },
      budget: { maxTrials: 5 },
      study: memoryStore(),
    })
    await search.finish()
    const at = await url
    const list = (await (await fetch(`${at}/api/studies`)).json()) as { studies: { study: string; trials: number }[] }
    expect(list.studies).toMatchObject([{ trials: 5, status: 'finished' }])
    const answer = await fetch(`${at}/api/studies/${list.studies[0]?.study}/trials/4/course`)
    expect(((await answer.json()) as TrialCourse).log.at(-1)?.type).toBe('trial.completed')
    await search[Symbol.asyncDispose]()
    await expect(fetch(at)).rejects.toThrow()
  })
})

describe('who may ask what', () => {
  it('every page forbids inline scripts, frames and strangers', async () => {
    for (const path of ['/', '/studies/x', '/api/studies', '/api/nothing']) {
      const { headers } = await fetch(server.url + path)
      const policy = headers.get('content-security-policy') ?? ''
      expect(policy).toContain("default-src 'none'")
      expect(policy).toContain("script-src 'self'")
      expect(policy).toContain("frame-ancestors 'none'")
      expect(policy).not.toMatch(/unsafe|https?:|\*/)
      expect(headers.get('x-content-type-options')).toBe('nosniff')
    }
    const page = await (await fetch(server.url)).text()
    expect(page).not.toMatch(/<script(?![^>]*\ssrc=)|<style|style=|onload/)
  })

  it('a request that names another host is refused: a stranger may have made its name point here', async () => {
    const { port } = new URL(server.url)
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const asked = httpRequest(
        { host: '127.0.0.1', port, path: '/api/studies', headers: { host: 'evil.example' } },
        (response) => {
          response.resume()
          resolve(response.statusCode)
        },
      )
      asked.on('error', reject).end()
    })
    expect(status).toBe(403)
    expect(await refusedHost(port)).toContain('ARCHLOOM_DASHBOARD_HOST')
  })

  const refusedHost = (port: string) =>
    new Promise<string>((resolve, reject) => {
      const asked = httpRequest({ host: '127.0.0.1', port, headers: { host: 'evil.example' } }, (response) => {
        let text = ''
        response.on('data', (chunk: Buffer) => {
          text += chunk.toString()
        })
        response.on('end', () => resolve(text))
      })
      asked.on('error', reject).end()
    })

  it('nothing is changed without the token, and nothing that runs elsewhere', async () => {
    const stop = '/api/studies/eventful/stop'
    expect(await refused(stop, { method: 'POST' })).toMatchObject({ status: 401, code: 'ARCHLOOM_DASHBOARD_TOKEN' })
    const wrong = { method: 'POST', headers: { authorization: 'Bearer open barley' } }
    expect(await refused(stop, wrong)).toMatchObject({ status: 401, code: 'ARCHLOOM_DASHBOARD_TOKEN' })
    const right = { method: 'POST', headers: { authorization: 'Bearer open sesame' } }
    expect(await refused(stop, right)).toMatchObject({ status: 409, code: 'ARCHLOOM_DASHBOARD_READ_ONLY' })
  })

  it('the token stops a search of this process and enqueues trials', async () => {
    const enqueued: Json[] = []
    let stops = 0
    const controlled = await serveDashboard({
      studies: placeOf({ eventful: await eventfulStore() }),
      port: 0,
      token: 'secret',
      controls: () => ({
        study: 'eventful',
        stop: () => stops++,
        enqueue: async (architecture) => void enqueued.push(architecture),
      }),
    })
    try {
      const url = `${controlled.url}/api/studies/eventful`
      const headers = { authorization: 'Bearer secret', 'content-type': 'application/json' }
      expect(((await (await fetch(url)).json()) as Overview).controls).toEqual(['stop', 'enqueue'])
      expect((await fetch(`${url}/stop`, { method: 'POST', headers, body: '{}' })).status).toBe(200)
      const body = JSON.stringify({ architecture: { width: 8 } })
      expect((await fetch(`${url}/enqueue`, { method: 'POST', headers, body })).status).toBe(200)
      expect((await fetch(`${url}/enqueue`, { method: 'POST', headers, body: '{}' })).status).toBe(400)
      expect((await fetch(`${url}/enqueue`, { method: 'POST', body })).status).toBe(401)
      expect([stops, enqueued]).toEqual([1, [{ width: 8 }]])
    } finally {
      await controlled.close()
    }
  })

  it.each([
    ['/api/studies/none', 404, 'ARCHLOOM_STUDY_NOT_FOUND'],
    ['/api/studies/empty', 404, 'ARCHLOOM_STUDY_EMPTY'],
    ['/api/studies/eventful/trials/99', 404, 'ARCHLOOM_DASHBOARD_TRIAL'],
    ['/api/studies/eventful/trials/1e1', 404, 'ARCHLOOM_DASHBOARD_TRIAL'],
    ['/api/studies/eventful/trials?sort=constructor', 400, 'ARCHLOOM_DASHBOARD_QUERY'],
    ['/api/studies/eventful/trials?limit=1000000', 400, 'ARCHLOOM_DASHBOARD_QUERY'],
    ['/api/studies/eventful/trials?status=lost', 400, 'ARCHLOOM_DASHBOARD_QUERY'],
    ['/api/studies/eventful/trials?filter=accuracy%3Ehigh', 400, 'ARCHLOOM_DASHBOARD_QUERY'],
    ['/api/studies/eventful/plane?x=accuracy&y=nothing', 400, 'ARCHLOOM_DASHBOARD_QUERY'],
    ['/api/studies/eventful/importance?metric=nothing', 400, 'ARCHLOOM_DASHBOARD_QUERY'],
    ['/api/studies/eventful/importance?method=guess', 400, 'ARCHLOOM_DASHBOARD_QUERY'],
    ['/api/studies/eventful/plane?xDirection=up', 400, 'ARCHLOOM_DASHBOARD_QUERY'],
    ['/api/nothing', 400, 'ARCHLOOM_DASHBOARD_QUERY'],
  ])('%s is refused', async (path, status, code) => {
    expect(await refused(path)).toMatchObject({ status, code })
  })
})

it('thinning keeps one point of each cell, all layers apart, and what it is told to keep', () => {
  const size = 20_000
  const rng = seeded(3)
  const xs = Float64Array.from({ length: size }, (_, i) => i)
  const ys = Float64Array.from({ length: size }, () => rng.float() ** 4)
  const layer = Uint8Array.from({ length: size }, () => rng.int(3))
  const kept = thinned(xs, ys, layer, new Set([19_999, 12_345]))
  expect(kept).toContain(12_345)
  expect(kept).toContain(19_999)
  expect(kept.length).toBeLessThan(size)
  const [low, high] = [Math.min(...ys), Math.max(...ys)]
  const cells = (indices: Iterable<number>) =>
    new Set(
      [...indices].map((i) => {
        const column = Math.min(499, Math.floor((500 * xs[i]!) / (size - 1)))
        const row = Math.min(179, Math.floor((180 * (ys[i]! - low)) / (high - low)))
        return `${layer[i]} ${column} ${row}`
      }),
    )
  // Every cell that holds a point still holds one.
  expect(cells(kept)).toEqual(cells(xs.keys()))
  expect(thinned([1, 2], [1, 1], [0, 0])).toEqual([0, 1])
})

it('a port that is taken, a missing package and a missing page say what to do', async () => {
  const port = Number(new URL(server.url).port)
  await expect(serveDashboard({ studies: placeOf({}), port })).rejects.toMatchObject({
    code: 'ARCHLOOM_DASHBOARD_ADDRESS',
  })
  await expect(fastifyHere(() => Promise.reject(new Error('Cannot find package')))).rejects.toThrow(
    /ARCHLOOM_DASHBOARD_PACKAGE_MISSING.*npm install fastify@5/s,
  )
  await expect(pageFiles('/nowhere')).rejects.toMatchObject({ code: 'ARCHLOOM_DASHBOARD_PAGE_MISSING' })
})
