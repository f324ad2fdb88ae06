import * as tf from '@tensorflow/tfjs-core'
import { ArchloomError, createSearch, memoryStore } from 'archloom'
import { useEngine } from 'archloom/tensor'
import { beforeAll, describe, expect, it } from 'vitest'
import { optionsOf, type Row, unmetNeed } from './axes.ts'
import { allPairs, everyPart } from './pairs.ts'

const { rows, refused } = allPairs()
/** ARCHLOOM_SLOW=1: every pair of parts; otherwise every part. */
const chosen = process.env.ARCHLOOM_SLOW === '1' ? rows : everyPart(rows)
const titleOf = (row: Row) => Object.values(row).join(' × ')

/** Methods that read the space before their first trial, and say of which spaces they cannot make use. */
const refusesSpace = new Set(['ARCHLOOM_CNAS_SPACE', 'ARCHLOOM_WEIGHT_SHARING_MIXTURE'])

/** The rows of the matrix on one engine: a process has one. */
export function matrixOn(engine: string): void {
  describe(`compositions on ${engine}`, () => {
    beforeAll(() => useEngine(engine))
    const own = chosen.filter((row) => row.engine === engine)

    it.each(own.map((row) => [titleOf(row), row] as const))('%s runs', { timeout: 120_000 }, async (_, row) => {
      const before = tf.memory().numTensors
      {
        await using search = createSearch({ ...optionsOf(row), study: memoryStore(), seed: 1 })
        const refused = await search.finish().then(
          () => false,
          (thrown: unknown) => {
            if (ArchloomError.is(thrown) && refusesSpace.has(thrown.code)) return true
            throw thrown
          },
        )
        const { trials, state } = search.record()
        expect(trials.flatMap(({ failure }) => failure ?? [])).toEqual([])
        if (refused) expect(trials).toEqual([])
        // A one-shot method derives so few trials that a scheduler of rungs may leave all of them paused.
        else expect(state.completed + trials.filter(({ status }) => status === 'paused').length).toBeGreaterThan(0)
      }
      expect(tf.memory().numTensors).toBe(before)
    })
  })
}

/** Parts whose declared needs are not met. */
export function refusals(): void {
  it('parts whose needs are not met are refused when the search is composed', () => {
    expect(refused.length).toBeGreaterThan(0)
    for (const row of refused) {
      expect(unmetNeed(row), titleOf(row)).toBeDefined()
      let thrown: unknown
      try {
        createSearch({ ...optionsOf(row), study: memoryStore() })
      } catch (error) {
        thrown = error
      }
      expect(ArchloomError.is(thrown) && thrown.code, titleOf(row)).toMatch(/^ARCHLOOM_PLUGIN_NEEDS/)
    }
  })
}
