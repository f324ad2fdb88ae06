import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { declaredPlugins } from '../core/composition/plugin.ts'
import { declaredOptions, optionTable } from '../core/options/index.ts'
import { importRooms, pages, tablesIn, withTables } from './option-tables.ts'

/** Declarations without a table of their own, each with the reason. */
const elsewhere: Readonly<Record<string, string>> = {
  createSearch: 'the README of the repository describes it',
  observeInBatches: 'a function of the core, for authors of observers',
  importance: 'a function of archloom/analysis',
  random: 'it has no options',
  training: 'part of trainFromScratch and retrain',
  cnasController: 'the group controller of cnas',
  'cnas policyLearner': 'the group controller of cnas',
  hierarchicalPolicy: 'the group controller of hnas',
  'hnas policyLearner': 'the group controller of hnas',
  dualRegressionTrainer: 'the options of drn',
  enlargements: 'the group images of drn',
  'joint objective': 'the group objective of jwdm',
  lccganTrainer: 'the options of lccgan',
  ganTrainer: 'the options of lccgan',
  gallery: 'the group images of lccgan',
  autoEncoderTrainer: 'the group latent of lccgan',
  learnBases: 'the group latent of lccgan',
  learnBasesByAdam: 'the group latent.adam of lccgan',
  learnLatent: 'the group latent of lccgan',
  pathEvolution: 'the options of spos',
}

beforeAll(importRooms, 120_000)

describe('tables of options', () => {
  it.each(pages())('%s is what `npm run options` writes', (page) => {
    const text = readFileSync(page, 'utf8')
    expect(text).toBe(withTables(text))
  })

  it('exist for every declaration', () => {
    const shown = pages().flatMap((page) => tablesIn(readFileSync(page, 'utf8')))
    expect([...declaredOptions().keys()].filter((name) => !shown.includes(name) && !(name in elsewhere))).toEqual([])
    expect(Object.keys(elsewhere).filter((name) => shown.includes(name) || !declaredOptions().has(name))).toEqual([])
  })

  it('say what every option means', () => {
    const silent = [...declaredOptions()]
      .filter(([name]) => name !== 'createSearch')
      .flatMap(([name, declared]) =>
        optionTable(declared)
          .filter(({ meaning }) => !/^\S.*[.!?)`]$/.test(meaning))
          .map((row) => `${name}: ${row.name}`),
      )
    expect(silent).toEqual([])
  })

  it('belong to plugins of which one has options that are declared', () => {
    const withOptions = [...declaredPlugins().values()].filter(({ options }) => options)
    expect(withOptions.length).toBeGreaterThan(30)
    for (const { name, options } of withOptions) expect(declaredOptions().has(options!.where), name).toBe(true)
  })

  it('would notice a stale table', () => {
    const stale = '<!-- options asha -->\n\n| option |\n\n<!-- /options -->'
    expect(withTables(stale)).toContain('`minFidelity`')
    expect(() => withTables(stale.replace('asha', 'nobody'))).toThrow('nobody')
  })
})
