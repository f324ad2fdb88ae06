import { describe, expect, it } from 'vitest'
import { createSearch } from '../composition/create-search.ts'
import { definePlugin } from '../composition/plugin.ts'
import type { Controller, ControllerFactory } from '../controller.ts'
import { seeded } from '../random.ts'
import { defineSpace, oneOf, product, repeat } from '../space/index.ts'
import { readRecord } from '../study/record.ts'
import { readEvents, type Store } from '../study/store.ts'
import type { Studies } from '../study/studies.ts'
import type { SearchEvent } from '../trial/events.ts'

/** One place where studies are kept. */
export interface StudiesContractPlace {
  /** The studies of the place; called again for a second opening, which must not share anything with the first. */
  connect(): Studies | Promise<Studies>
  /** Cleans up after a test. */
  remove?(): void | Promise<void>
}

const warning = (seq: number): SearchEvent => ({ seq, at: 1, type: 'search.warning', code: 'X', message: `${seq}` })

/** Mutates the best architecture so far: its proposals depend on everything that it was told, in order. */
const climber: ControllerFactory = (space) => {
  let best: { readonly genotype: readonly number[]; readonly reward: number } | undefined
  const controller: Controller = {
    propose: (rng) => ({ genotype: best ? space.mutate(best.genotype, rng) : space.random(rng) }),
    observe(observations) {
      for (const { reward, proposal } of observations)
        if (reward !== undefined && reward >= (best?.reward ?? Number.NEGATIVE_INFINITY))
          best = { genotype: proposal.genotype, reward }
      return {}
    },
    [Symbol.dispose]() {},
  }
  return controller
}

const climbing = () =>
  definePlugin({
    name: 'climbing',
    provides: ['controller'],
    needs: ['space'],
    bind: ({ controller }) => controller.to(climber),
  })

/** A search whose every seventh trial fails, and one of whose metrics is infinite. */
const searchIn = (storage: Studies, name: string, maxTrials: number) =>
  createSearch({
    space: defineSpace('digits of a contract', product({ digit: repeat(6, () => oneOf(0, 1, 2, 3)) })),
    evaluator: ({ digit }: { readonly digit: readonly number[] }, { trial, seed }: { trial: number; seed: number }) => {
      if (trial % 7 === 3) throw new Error(`trial ${trial} fails`)
      const luck = seeded(seed).float()
      return { sum: digit.reduce((a, b) => a + b, luck), psnr: Number.POSITIVE_INFINITY }
    },
    plugins: [climbing()],
    objectives: { sum: 'maximise' },
    budget: { maxTrials },
    seed: 11,
    study: { name, storage },
  })

/** What a session leaves behind, without times. */
const courseOf = (events: readonly SearchEvent[]): readonly (readonly unknown[])[] =>
  events.flatMap<readonly unknown[]>((event) => {
    if (event.type === 'trial.proposed') return [[event.trial, event.seed, ...event.genotype]]
    if (event.type === 'trial.completed') return [[event.trial, event.reward, event.metrics]]
    return event.type === 'trial.failed' ? [[event.trial, 'failed']] : []
  })

/** Names that other programs have stumbled over, each the name of one study only. */
const awkward = [
  '__proto__',
  'constructor',
  'a+b=c,d@e~f.g-h_i',
  'UPPER',
  'upper',
  'x'.repeat(200),
  '-dash',
  '007',
  '7',
]
const hostile = [
  '../x',
  '..',
  '.',
  'a/b',
  'a\\b',
  '/tmp/x',
  'a b',
  "'; DROP TABLE x --",
  'a%00b',
  'a\0b',
  'ü',
  '',
  'x'.repeat(201),
]

/**
 * What every place for studies must keep (see `Studies`), as tests: call it at the top level of a test file. The stores
 * that it opens are checked by `storeContract`.
 *
 *     studiesContract('my database', () => ({ connect: () => myStudies(url), remove: () => clear(url) }))
 */
export function studiesContract(
  name: string,
  create: () => StudiesContractPlace | Promise<StudiesContractPlace>,
): void {
  describe(`${name} keeps the contract of studies`, () => {
    const at = (law: string, run: (place: StudiesContractPlace) => Promise<void>) =>
      it(law, async () => {
        const place = await create()
        try {
          await run(place)
        } finally {
          await place.remove?.()
        }
      })
    const write = async (studies: Studies, study: string, from = 0): Promise<Store> => {
      const store = await studies.open(study, { mode: 'write' })
      await store.append([warning(from)])
      return store
    }

    at('begins empty, and lists what was written, sorted', async ({ connect }) => {
      const studies = await connect()
      expect(await studies.list()).toEqual([])
      for (const study of ['b', 'a']) await (await write(studies, study)).close()
      expect(await studies.list()).toEqual(['a', 'b'])
      expect(await (await connect()).list()).toEqual(['a', 'b'])
    })

    at('a study that is not there is ARCHLOOM_STUDY_NOT_FOUND, and is not made by asking', async ({ connect }) => {
      const studies = await connect()
      await (await write(studies, 'there')).close()
      await expect(studies.open('lost')).rejects.toThrow(/ARCHLOOM_STUDY_NOT_FOUND.*there/)
      await expect(studies.remove('lost')).rejects.toThrow('ARCHLOOM_STUDY_NOT_FOUND')
      expect(await studies.list()).toEqual(['there'])
    })

    at('a study opened for writing that stays empty leaves nothing behind', async ({ connect }) => {
      const studies = await connect()
      await (await studies.open('empty', { mode: 'write' })).close()
      expect(await studies.list()).toEqual([])
    })

    at(
      'keeps studies of awkward names apart, and refuses hostile ones with a name that will do',
      async ({ connect }) => {
        const studies = await connect()
        for (const [i, study] of awkward.entries()) {
          const store = await studies.open(study, { mode: 'write' })
          await store.append(Array.from({ length: i + 1 }, (_, seq) => warning(seq)))
          await store.close()
        }
        expect(await studies.list()).toEqual([...awkward].sort())
        for (const [i, study] of awkward.entries()) {
          const store = await studies.open(study)
          expect((await readEvents(store)).length, study).toBe(i + 1)
          await store.close()
        }
        for (const study of hostile)
          for (const mode of ['read', 'write'] as const)
            await expect(studies.open(study, { mode }), study).rejects.toThrow(/ARCHLOOM_STUDY_NAME.*Use "/)
        for (const study of hostile) await expect(studies.remove(study), study).rejects.toThrow('ARCHLOOM_STUDY_NAME')
        expect((await studies.list()).length).toBe(awkward.length)
      },
    )

    at('a fresh study gets a name of its own', async ({ connect }) => {
      const studies = await connect()
      const names: string[] = []
      for (let i = 0; i < 3; i++) {
        const store = await studies.open('new', { mode: 'write', fresh: true })
        await store.append([warning(0)])
        names.push(store.name)
        await store.close()
      }
      expect(names).toEqual(['new', 'new-2', 'new-3'])
    })

    at('a study has one writer; other studies are written meanwhile', async ({ connect }) => {
      const [here, there] = [await connect(), await connect()]
      const store = await write(here, 'mine')
      for (const studies of [here, there]) {
        await expect(studies.open('mine', { mode: 'write' })).rejects.toThrow('ARCHLOOM_STUDY_LOCKED')
        await expect(studies.remove('mine')).rejects.toThrow('ARCHLOOM_STUDY_LOCKED')
        expect(await studies.isWritten('mine')).toBe(true)
      }
      const other = await write(there, 'yours')
      await store.append([warning(1)])
      await other.append([warning(1)])
      await store.close()
      await other.close()
      expect(await there.isWritten('mine')).toBe(false)
      const again = await write(there, 'mine', 2)
      expect((await readEvents(again)).map(({ seq }) => seq)).toEqual([0, 1, 2])
      await again.close()
    })

    at('a study is read while it is written, and a reader writes no event', async ({ connect }) => {
      const store = await write(await connect(), 'live')
      const reader = await (await connect()).open('live')
      expect(await readEvents(reader)).toEqual([warning(0)])
      await expect((async () => reader.append([warning(1)]))()).rejects.toThrow('ARCHLOOM_STUDY_NOT_WRITABLE')
      await store.append([warning(1)])
      expect(await readEvents(reader)).toEqual([warning(0), warning(1)])
      await reader.close()
      await store.append([warning(2)])
      expect((await readEvents(store)).length).toBe(3)
      await store.close()
    })

    at('a snapshot and the tail behind it are all events, each once', async ({ connect }) => {
      const store = await write(await connect(), 'live')
      const reader = await (await connect()).open('live')
      const stop = new AbortController()
      const limit = setTimeout(() => stop.abort(), 20_000)
      const seen = (await readEvents(reader)).map(({ seq }) => seq)
      const following = (async () => {
        for await (const events of reader.tail(seen.length, stop.signal)) {
          seen.push(...events.map(({ seq }) => seq))
          if (seen.length >= 40) stop.abort()
        }
      })()
      for (let seq = 1; seq < 40; seq++) {
        await store.append([warning(seq)])
        if (seq % 8 === 0) await new Promise((resolve) => setTimeout(resolve, 10))
      }
      await following
      clearTimeout(limit)
      expect(seen).toEqual(Array.from({ length: 40 }, (_, seq) => seq))
      await reader.close()
      await store.close()
    })

    at('a removed study is gone with its artifacts, and its name is free', async ({ connect }) => {
      const studies = await connect()
      for (const study of ['old', 'kept']) {
        const store = await write(studies, study)
        await store.artifacts.write('checkpoints/a', Uint8Array.of(1))
        await store.close()
      }
      await studies.remove('old')
      expect(await studies.list()).toEqual(['kept'])
      const store = await studies.open('old', { mode: 'write' })
      expect(await readEvents(store)).toEqual([])
      expect(await store.artifacts.list()).toEqual([])
      await store.close()
      const kept = await studies.open('kept')
      expect(await kept.artifacts.list()).toEqual(['checkpoints/a'])
      await kept.close()
    })

    at('a search in several sessions proposes what one session would have', async ({ connect }) => {
      const studies = await connect()
      {
        await using search = searchIn(studies, 'whole', 24)
        await search.finish()
      }
      for (const maxTrials of [5, 6, 17, 24]) {
        await using search = searchIn(await connect(), 'parts', maxTrials)
        await search.finish()
      }
      const [whole, parts] = [await studies.open('whole'), await studies.open('parts')]
      const course = courseOf(await readEvents(parts))
      expect(course).toEqual(courseOf(await readEvents(whole)))
      expect(course.length).toBe(48)
      expect((await readRecord(parts)).state).toMatchObject({
        status: 'finished',
        completed: 21,
        failed: 3,
        sessions: 4,
      })
      expect((await readRecord(parts)).best(1)[0]?.metrics.psnr).toBe(Number.POSITIVE_INFINITY)
      await whole.close()
      await parts.close()
    })
  })
}
