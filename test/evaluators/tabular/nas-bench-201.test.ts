import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { createSearch, memoryStore } from 'archloom'
import { type NasBench201TableOptions, nasBench201Table, tabular } from 'archloom/evaluators/tabular'
import { random } from 'archloom/plugins/random'
import { formatArchString, nasBench201Space } from 'archloom/search-spaces/nas-bench-201'
import { describe, expect, it } from 'vitest'
import { describeWithData } from '../../conditional-suites.ts'

const folder = mkdtempSync(join(tmpdir(), 'archloom-table-'))
const written = (name: string, content: string | Uint8Array) => {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}
const open = (options: NasBench201TableOptions) => () => nasBench201Table(options)

describe('the NAS-Bench-201 table, without its file', () => {
  it('says where it looked and what to set', () => {
    expect(open({ environment: {} })).toThrow(/ARCHLOOM_TABLE_NOT_FOUND.*Set ARCHLOOM_DATA/s)
    expect(open({ environment: { ARCHLOOM_DATA: folder } })).toThrow(join(folder, 'nas', 'nb201.csv.gz'))
    expect(open({ file: join(folder, 'absent.csv') })).toThrow('ARCHLOOM_TABLE_NOT_FOUND')
  })

  it('refuses files that are cut, or something else', () => {
    const header = 'index,arch,params_m,macs_m,c10_val_e12,c10_test_e12,c10_test_e200'
    const times = 'train_s_per_epoch_c10,train_s_per_epoch_c10_est'
    const cell = '|none~0|+|none~0|none~1|+|none~0|none~1|none~2|'
    const files = {
      'packed.csv.gz': new Uint8Array([0x1f, 0x8b, 8, 0, 0]),
      'other.csv': 'a,b\n1,2\n',
      'empty.csv': '',
      'few.csv': `${header},${times}\n0,${cell},1,2,3,4,5,,6\n`,
      'cut.csv': `${header},${times}\n0,${cell},1,2,3`,
      'words.csv': `${header},${times}\n0,${cell},1,2,three,4,5,,6\n`,
    }
    for (const [name, content] of Object.entries(files))
      expect(open({ file: written(name, content) }), name).toThrow('ARCHLOOM_TABLE_CORRUPT')
    expect(open({ file: written('words.csv', files['words.csv']) })).toThrow('line 2')
  })

  it.each(['-5', 'Infinity', '', ' ', 'NaN', '0x10', '101', '1e999', ' 5'])(
    'refuses an accuracy of %j, naming line and column',
    (cell) => {
      const header = 'index,arch,params_m,macs_m,c10_val_e12,c10_test_e12,c10_test_e200'
      const times = 'train_s_per_epoch_c10,train_s_per_epoch_c10_est'
      const architecture = '|none~0|+|none~0|none~1|+|none~0|none~1|none~2|'
      const row = (fields: string) => `${header},${times}\n0,${architecture},${fields}\n`
      const file = (fields: string) => ({ file: written('damaged.csv', row(fields)) })
      expect(open(file(`1,2,${cell},4,5,,6`))).toThrow(/ARCHLOOM_TABLE_CORRUPT.*line 2.*c10_val_e12.*from 0 to 100/s)
      expect(open(file(`1,2,3,4,${cell},,6`))).toThrow(/line 2.*c10_test_e200/)
      // Costs and times have no upper end; the measured time may be missing.
      if (cell === '101') return
      expect(open(file(`${cell},2,3,4,5,,6`))).toThrow(/line 2.*params_m.*of at least 0/)
      expect(open(file(`1,2,3,4,5,,${cell}`))).toThrow(/line 2.*train_s_per_epoch_c10_est/)
      if (cell !== '') expect(open(file(`1,2,3,4,5,${cell},6`))).toThrow(/line 2.*train_s_per_epoch_c10 .*or nothing/)
    },
  )

  it('refuses a table that has an architecture twice', () => {
    const header = 'index,arch,params_m,macs_m,c10_val_e12,c10_test_e12,c10_test_e200'
    const times = 'train_s_per_epoch_c10,train_s_per_epoch_c10_est'
    const row = '0,|none~0|+|none~0|none~1|+|none~0|none~1|none~2|,1,2,3,4,5,,6'
    const text = [`${header},${times}`, ...new Array(15_625).fill(row)].join('\n')
    expect(open({ file: written('twice.csv', text) })).toThrow(/ARCHLOOM_TABLE_CORRUPT.*15624 architectures twice/s)
  })

  it('refuses a small file that unpacks to gigabytes', () => {
    const zeros = gzipSync(new Uint8Array(300 * 1024 ** 2), { level: 1 })
    expect(zeros.length).toBeLessThan(2_000_000)
    expect(open({ file: written('bomb.csv.gz', zeros) })).toThrow(/ARCHLOOM_TABLE_CORRUPT.*256 MiB/s)
  })

  it('refuses misspelt options with a suggestion', () => {
    for (const [option, suggestion] of [
      ['data', 'dataset'],
      ['dataSet', 'dataset'],
      ['epoch', 'epochs'],
      ['device', 'latency'],
    ] as const) {
      const misspelt = { [option]: 'cifar100' } as NasBench201TableOptions
      expect(open(misspelt)).toThrow(
        expect.objectContaining({
          code: 'ARCHLOOM_OPTION',
          message: expect.stringContaining(`nasBench201Table has no option "${option}"`),
          details: expect.objectContaining({ suggestion }),
        }),
      )
    }
  })

  it('refuses options it does not know', () => {
    expect(open({ dataset: 'toString' as 'cifar10' })).toThrow('ARCHLOOM_TABLE_DATASET_UNKNOWN')
    expect(open({ dataset: 'mnist' as 'cifar10' })).toThrow('ARCHLOOM_TABLE_DATASET_UNKNOWN')
    expect(open({ epochs: 90 as 12 })).toThrow('ARCHLOOM_OPTION')
    expect(open({ protocol: 'test' as 'oracle' })).toThrow('ARCHLOOM_OPTION')
    expect(open({ epochs: 200 })).toThrow(/ARCHLOOM_OPTION.*oracle/)
  })
})

describeWithData('the NAS-Bench-201 table', ['nas/nb201.csv.gz'], (data) => {
  const space = nasBench201Space()

  it('knows the published optima of its three data sets', () => {
    // Dong et al., NATS-Bench, table 5: optimal mean test accuracy.
    for (const [dataset, optimum, index] of [
      ['cifar10', 94.37, 6111],
      ['cifar100', 73.51, 9930],
      ['imagenet16', 47.31, 857],
    ] as const) {
      const table = nasBench201Table({ dataset, protocol: 'oracle' })
      const accuracies = table.keys.map((key) => table.lookup(key, 1).metrics.accuracy as number)
      const best = Math.max(...accuracies)
      expect(100 * best).toBeCloseTo(optimum, 1)
      expect(accuracies.indexOf(best)).toBe(index)
    }
  })

  it('reads every architecture of the search space, each once', () => {
    const table = nasBench201Table()
    const keys = [...space.enumerate()].map((genotype) => formatArchString(space.decode(genotype)))
    expect([...keys].sort()).toEqual([...table.keys].sort())
    for (const genotype of [...space.enumerate()].filter((_, i) => i % 1000 === 7)) {
      const architecture = space.decode(genotype)
      expect(table.lookup(architecture, 1)).toEqual(table.lookup(formatArchString(architecture), 1))
    }
  })

  it('has the cost that the search space computes, on every data set', () => {
    for (const [dataset, input, classes] of [
      ['cifar10', [32, 32, 3], 10],
      ['cifar100', [32, 32, 3], 100],
      ['imagenet16', [16, 16, 3], 120],
    ] as const) {
      const table = nasBench201Table({ dataset })
      for (const genotype of [...space.enumerate()].filter((_, i) => i % 500 === 3)) {
        const architecture = space.decode(genotype)
        const cost = space.cost?.(architecture, { input, classes })
        const { metrics } = table.lookup(architecture, 1)
        expect(metrics.parameters).toBe(cost?.parameters)
        expect(metrics.multiplyAdds).toBe(cost?.multiplyAdds)
      }
    }
  })

  it('agrees with the complete records of the benchmark', () => {
    const path = join(data, 'nas', 'nb201_full_records.json.gz')
    type Run = Readonly<Record<string, number | Record<string, number>>>
    const records = JSON.parse(gunzipSync(readFileSync(path)).toString()) as Record<
      string,
      Record<'12' | '200', { arch_str: string; all_results: Record<string, Run> }>
    >
    const table = nasBench201Table({ protocol: 'oracle' })
    for (const record of Object.values(records)) {
      const { arch_str: arch, all_results: runs } = record['200']
      const full = Object.entries(runs).filter(([name]) => name.startsWith('cifar10/'))
      const finals = full.map(([, run]) => (run.eval_acc1es as Record<string, number>)['ori-test@199'] as number)
      const { metrics } = table.lookup(arch, 1)
      expect(100 * (metrics.accuracy as number)).toBeCloseTo(finals.reduce((a, b) => a + b, 0) / finals.length, 3)
      expect((metrics.parameters as number) / 1e6).toBeCloseTo(full[0]?.[1].params as number, 6)
      expect((metrics.multiplyAdds as number) / 1e6).toBeCloseTo(full[0]?.[1].flop as number, 4)
    }
  })

  it('answers with shorter trainings and their time', () => {
    const [full, short] = [nasBench201Table({ protocol: 'oracle' }), nasBench201Table()]
    const arch = full.keys[11] as string
    const { value, source } = full.secondsPerEpoch(arch)
    expect(source).toBe('measured')
    expect(full.secondsPerEpoch(full.keys[5000] as string).source).toBe('estimated')
    expect(full.lookup(arch, 1).simulatedSeconds).toBeCloseTo(200 * value, 6)
    expect(full.lookup(arch, 12 / 200).simulatedSeconds).toBeCloseTo(12 * value, 6)
    expect(short.lookup(arch, 1).simulatedSeconds).toBeCloseTo(6 * value, 6)
    expect(short.lookup(arch, 1).metrics.accuracy).toBe(full.lookup(arch, 1).metrics.validationAccuracy)
    expect(full.lookup(arch, 0.05).metrics.accuracy).toBeLessThan(full.lookup(arch, 1).metrics.accuracy as number)
    const elsewhere = nasBench201Table({ dataset: 'imagenet16', protocol: 'oracle' })
    expect(elsewhere.lookup(arch, 1).simulatedSeconds).toBeCloseTo(3.034 * 200 * value, 6)
  })

  it('chooses by validation and reports test accuracy, unless the oracle is asked for', () => {
    const [honest, oracle] = [nasBench201Table(), nasBench201Table({ protocol: 'oracle' })]
    const arch = honest.keys[6111] as string
    const [chosen, told] = [honest.lookup(arch, 1).metrics, oracle.lookup(arch, 1).metrics]
    expect(chosen.accuracy).toBe(chosen.validationAccuracy)
    expect(told.accuracy).toBe(told.testAccuracy)
    expect(chosen.testAccuracy).toBe(told.testAccuracy)
    expect([honest.protocol, oracle.protocol]).toEqual(['honest', 'oracle'])
  })

  it('refuses a fidelity between its stored trainings', () => {
    const [honest, oracle] = [nasBench201Table(), nasBench201Table({ protocol: 'oracle' })]
    const arch = honest.keys[11] as string
    expect([honest.fidelities, oracle.fidelities]).toEqual([[1], [12 / 200, 1]])
    for (const fidelity of [0.5, 0.061, 0.999, 0, -1, 2, Number.NaN])
      expect(() => oracle.lookup(arch, fidelity), String(fidelity)).toThrow('ARCHLOOM_TABLE_FIDELITY')
    expect(() => honest.lookup(arch, 12 / 200)).toThrow('ARCHLOOM_TABLE_FIDELITY')
    expect(oracle.lookup(arch, 0.2 * 0.3).simulatedSeconds).toBe(oracle.lookup(arch, 0.05).simulatedSeconds)
  })

  it('adds the latency of a device, and names the devices when it has none of that name', () => {
    const table = nasBench201Table({ latency: 'raspi4' })
    expect(table.metrics).toContain('latencyMs')
    expect(table.lookup(table.keys[0] as string, 1).metrics.latencyMs).toBeCloseTo(10.481977, 6)
    expect(open({ latency: 'abacus' })).toThrow(/ARCHLOOM_OPTION.*raspi4/)
  })

  it('refuses a string that is not a cell of the benchmark', () => {
    const table = nasBench201Table()
    expect(() => table.lookup(['none', 'none'], 1)).toThrow('ARCHLOOM_TABLE_ARCHITECTURE_FORM')
    expect(() => table.lookup(Array(6).fill('sep_conv_3x3'), 1)).toThrow('ARCHLOOM_TABLE_ENTRY_UNKNOWN')
  })

  it('composes with the search space, and is cited once', async () => {
    await using search = createSearch({
      space,
      evaluator: tabular(nasBench201Table()),
      plugins: [random()],
      objectives: { accuracy: 'maximise' },
      budget: { maxTrials: 50 },
      study: memoryStore(),
    })
    const state = await search.finish()
    expect([state.completed, state.failed]).toEqual([50, 0])
    expect(search.best()[0]?.architecture.node1.from0).toBeTypeOf('string')
    expect(search.best()[0]?.metrics.testAccuracy).toBeGreaterThan(0.9)
    expect(search.cite().split('@inproceedings{dong2020nasbench201').length).toBe(2)
  })
})
