import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSearch, memoryStore } from 'archloom'
import { nasBenchMacroTable, tabular } from 'archloom/evaluators/tabular'
import { random } from 'archloom/plugins/random'
import { nasBenchMacroSpace } from 'archloom/search-spaces/nas-bench-macro'
import { describe, expect, it } from 'vitest'
import { describeWithData } from '../../conditional-suites.ts'

describe('the NAS-Bench-Macro table, without its file', () => {
  it('says what to set, and refuses a file that is cut or incomplete', () => {
    expect(() => nasBenchMacroTable({ environment: {} })).toThrow('ARCHLOOM_TABLE_NOT_FOUND')
    const file = join(mkdtempSync(join(tmpdir(), 'archloom-table-')), 'macro.json')
    for (const content of ['{"00000000": {"mean', '{"00000000": {"mean_acc": 1}}', 'null']) {
      writeFileSync(file, content)
      expect(() => nasBenchMacroTable({ file }), content).toThrow('ARCHLOOM_TABLE_CORRUPT')
    }
  })
})

describe('a damaged NAS-Bench-Macro table', () => {
  const keys = Array.from({ length: 6561 }, (_, i) => i.toString(3).padStart(8, '0'))
  const good = { mean_acc: 90, std: 0.1, params: 10, flops: 20 }
  const file = join(mkdtempSync(join(tmpdir(), 'archloom-table-')), 'macro.json')
  const open = (entries: Readonly<Record<string, unknown>>) => () => {
    writeFileSync(file, JSON.stringify(entries))
    return nasBenchMacroTable({ file })
  }
  const whole = Object.fromEntries(keys.map((key) => [key, good]))

  it('is refused with the architecture, where a whole one opens', () => {
    expect(open(whole)().keys).toHaveLength(6561)
    for (const damage of [
      { mean_acc: -5 },
      { mean_acc: 101 },
      { mean_acc: '90' },
      { mean_acc: null },
      { std: -1 },
      { params: 1.5 },
      { flops: -20 },
    ])
      expect(open({ ...whole, '00000012': { ...good, ...damage } }), JSON.stringify(damage)).toThrow(
        /ARCHLOOM_TABLE_CORRUPT.*00000012/s,
      )
    const { '00000012': _, ...others } = whole
    expect(open({ ...others, '00000013': good })).toThrow(/ARCHLOOM_TABLE_CORRUPT.*00000013/s)
    expect(open({ ...others, '00000012': null })).toThrow(/ARCHLOOM_TABLE_CORRUPT.*00000012/s)
  })

  it('and a misspelt option too', () => {
    expect(() => nasBenchMacroTable({ path: file } as object)).toThrow(
      /ARCHLOOM_OPTION: nasBenchMacroTable has no option "path"/,
    )
  })
})

describeWithData('the NAS-Bench-Macro table', ['nas/nas_bench_macro_cifar10.json.gz'], () => {
  const table = nasBenchMacroTable()

  it('has every architecture of its search space, by name as by digits, and the published optimum', () => {
    const space = nasBenchMacroSpace()
    let best = 0
    for (const genotype of space.enumerate()) {
      const found = table.lookup(space.decode(genotype), 1)
      expect(found).toEqual(table.lookup(genotype.join(''), 1))
      best = Math.max(best, found.metrics.accuracy as number)
    }
    expect(table.keys.length).toBe(6561)
    // Su et al. 2021: the best network of the benchmark reaches 93.13 %.
    expect(100 * best).toBeCloseTo(93.127, 3)
    expect(table.lookup('02012100', 1).metrics).toEqual({
      accuracy: 89.19666544596355 / 100,
      accuracySd: 0.21312667374448538 / 100,
      parameters: 890666,
      multiplyAdds: 47327744,
    })
  })

  it('reads the names of the paper', () => {
    const names = ['Identity', 'MB6_K5', 'identity', 'MB3_K3', 'MB6_K5', 'MB3_K3', 'identity', 'identity']
    expect(table.lookup(names, 1)).toEqual(table.lookup('02012100', 1))
  })

  it('refuses an architecture that is not a network of the benchmark', () => {
    expect(() => table.lookup('0201', 1)).toThrow('ARCHLOOM_TABLE_ENTRY_UNKNOWN')
    expect(() => table.lookup(['identity'], 1)).toThrow('ARCHLOOM_TABLE_ARCHITECTURE_FORM')
    expect(() => table.lookup(Array(8).fill('conv'), 1)).toThrow('ARCHLOOM_TABLE_ARCHITECTURE_FORM')
  })

  it('composes with the search space, and is cited once', async () => {
    await using search = createSearch({
      space: nasBenchMacroSpace(),
      evaluator: tabular(table),
      plugins: [random()],
      objectives: { accuracy: 'maximise', multiplyAdds: 'minimise' },
      budget: { maxTrials: 50 },
      study: memoryStore(),
    })
    expect((await search.finish()).completed).toBe(50)
    expect(search.front().length).toBeGreaterThan(1)
    expect(search.cite().split('@inproceedings{su2021prioritized').length).toBe(2)
  })
})
