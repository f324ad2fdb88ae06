import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  fileTable,
  nasBench301Rows,
  natsBenchRows,
  publishedRows,
  tableLayouts,
  transNasBenchRows,
} from 'archloom/evaluators/tabular'
import { cellSpace, formatDartsGenotype } from 'archloom/search-spaces/cell'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bunzip2 } from '../../../evaluators/tabular/published/bzip2.ts'
import { unpickle } from '../../../evaluators/tabular/published/pickle.ts'
import { archloom } from '../../core/cli/terminal.ts'
import { publishedFiles } from './published-files.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'archloom-published-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

const bytesOf = (name: keyof typeof publishedFiles) => Buffer.from(String(publishedFiles[name]), 'base64')
const write = (name: string, content: string | Uint8Array) => {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

it.each(tableLayouts)('a missing file of the layout %s is refused by its path', async (layout) => {
  const path = join(folder, 'no-such-table.json')
  await expect(publishedRows(layout, path)).rejects.toThrow(/ARCHLOOM_TABLE_NOT_FOUND.*no-such-table\.json.*ENOENT/s)
})

describe('bzip2', () => {
  it('is unpacked: several blocks, several streams, long runs', () => {
    const unpacked = bunzip2(bytesOf('bz'))
    expect(unpacked).toHaveLength(publishedFiles.bzLength)
    expect(createHash('sha256').update(unpacked).digest('hex')).toBe(publishedFiles.bzSha)
  })

  it('is refused where it is cut short, damaged or too large', () => {
    const packed = bytesOf('size0')
    for (const length of [0, 2, 4, 9, 30, 200, packed.length - 1])
      expect(() => bunzip2(packed.subarray(0, length))).toThrow(RangeError)
    for (let at = 4; at < packed.length - 1; at += 37) {
      const damaged = Buffer.from(packed)
      damaged[at]! ^= 0x10
      expect(() => bunzip2(damaged)).toThrow(RangeError)
    }
    expect(() => bunzip2(bytesOf('bz'), 1000)).toThrow(/more than 1000 bytes/)
  })
})

describe('pickles', () => {
  it('hold sets', () => {
    expect(unpickle(bytesOf('set'), 'x')).toEqual({ a: [1, 2] })
    expect(unpickle(bytesOf('set2'), 'x')).toEqual({ a: [1, 2] })
  })

  it('that name one value many times take no more room than the file, and those that contain themselves are refused', () => {
    let value = unpickle(bytesOf('bomb'), 'x')
    for (let depth = 0; depth < 40; depth++) {
      const [left, right] = value as [never, never]
      expect(left).toBe(right)
      value = left
    }
    expect(value).toEqual([1])
    expect(() => unpickle(bytesOf('cycle'), 'x')).toThrow(/ARCHLOOM_TABLE_CORRUPT: .*contains itself/)
  })
})

describe('NATS-Bench', () => {
  const simple = () => {
    const path = join(folder, 'NATS-sss-v1_0-50262-simple')
    mkdirSync(path, { recursive: true })
    writeFileSync(join(path, '000000.pickle.pbz2'), bytesOf('size0'))
    writeFileSync(join(path, '000012.pickle.pbz2'), bytesOf('size12'))
    return path
  }

  it('gives the means at the end of each schedule; CIFAR-10 chooses by trainings on half of the images', () => {
    const rows = natsBenchRows(simple())
    expect(rows.map(({ architecture, fidelity }) => [architecture, fidelity])).toEqual([
      ['8:8:8:8:8', 0.25],
      ['8:8:8:8:8', 0.5],
      ['8:8:8:8:8', 1],
      ['8:8:8:16:40', 0.25],
      ['8:8:8:16:40', 0.5],
      ['8:8:8:16:40', 1],
    ])
    // Seeds 777 and 888 start from 50 and 51 per cent and gain one per cent in each epoch.
    const last = rows.at(-1)!
    expect(last.metrics.validationAccuracy).toBeCloseTo((51 + 52) / 2 / 100, 12)
    expect(last.metrics.testAccuracy).toBeCloseTo(0.52, 12)
    expect(last.metrics.trainAccuracy).toBeCloseTo(0.535, 12)
    expect(last.metrics).toMatchObject({ parameters: 67_378, multiplyAdds: 7_991_706 })
    // Four epochs of two seconds and one validation.
    expect(last.seconds).toBe(8.5)
    expect(rows[3]!.seconds).toBe(2.5)
  })

  it('reads the other data sets, and the one large file', () => {
    const whole = write('NATS-sss-v1_0-50262.pickle.pbz2', bytesOf('sizeWhole'))
    expect(natsBenchRows(whole)).toEqual(natsBenchRows(simple()))
    const [, , first] = natsBenchRows(whole, 'ImageNet16-120')
    expect(first!.metrics.validationAccuracy).toBeCloseTo(0.23, 12)
    expect(first!.metrics.testAccuracy).toBeCloseTo(0.22, 12)
    expect(() => natsBenchRows(whole, 'mnist')).toThrow(/ARCHLOOM_TABLE_DATASET_UNKNOWN: .*mnist.*ImageNet16-120/)
  })

  it('is refused where a file is damaged or of another kind', () => {
    const cut = write('cut.pickle.pbz2', bytesOf('size0').subarray(0, 500))
    expect(() => natsBenchRows(cut)).toThrow(/ARCHLOOM_TABLE_CORRUPT: .*end of the file came too early/)
    const other = write('other.pickle', bytesOf('set'))
    expect(() => natsBenchRows(other)).toThrow(/ARCHLOOM_TABLE_CORRUPT: .*no arch2infos/)
    const empty = join(folder, 'empty')
    mkdirSync(empty)
    expect(() => natsBenchRows(empty)).toThrow(/ARCHLOOM_TABLE_CORRUPT: .*no file such as/)
  })
})

describe('TransNAS-Bench-101', () => {
  it.each(['torchLegacy', 'torchZip'] as const)('gives every epoch of both spaces (%s)', (form) => {
    const rows = transNasBenchRows(write(`${form}.pth`, bytesOf(form)))
    expect(rows).toHaveLength(4)
    expect(rows[1]).toEqual({
      architecture: '64-1234-basic',
      fidelity: 1,
      seconds: 20,
      metrics: {
        trainTop1: 41,
        validationTop1: 40,
        testTop1: 38.5,
        inferenceTime: 0.01,
        modelParams: 2.5,
        modelFLOPs: 1.25,
      },
    })
    expect(rows[2]).toMatchObject({ architecture: '64-41414-1_02_333', fidelity: 0.5, seconds: 10 })
  })

  it('reads other tasks, and adds up times that are those of single epochs', () => {
    const rows = transNasBenchRows(write('task.pth', bytesOf('torchZip')), 'normal')
    expect(rows.slice(0, 3).map(({ seconds }) => seconds)).toEqual([5, 9, 15])
    expect(rows[0]!.metrics).toMatchObject({ validationSsim: 0.25, testSsim: 0.2 })
    expect(() => transNasBenchRows(join(folder, 'task.pth'), 'chess')).toThrow(
      /ARCHLOOM_TABLE_DATASET_UNKNOWN: .*class_scene, normal/,
    )
    const cut = write('cut.pth', bytesOf('torchZip').subarray(0, 600))
    expect(() => transNasBenchRows(cut)).toThrow(/ARCHLOOM_TABLE_CORRUPT: .*no directory/)
  })
})

/** A file of the benchmark's layout. Every node of both cells takes its two first states. */
const result = (validation: number, test: number, more: object = {}, config: object = {}) => {
  const edges = ['normal', 'reduce'].flatMap((cell) =>
    [0, 1, 2, 3, 5, 6, 9, 10].map((edge, i) => [
      `NetworkSelectorDatasetInfo:darts:edge_${cell}_${edge}`,
      i % 2 === 0 ? 'sep_conv_3x3' : 'skip_connect',
    ]),
  )
  return JSON.stringify({
    final_metric_score: -validation,
    optimized_hyperparamater_config: {
      'NetworkSelectorDatasetInfo:darts:init_channels': 32,
      'NetworkSelectorDatasetInfo:darts:layers': 8,
      'NetworkSelectorDatasetInfo:darts:inputs_node_normal_3': '0_1',
      'OptimizerSelector:sgd:learning_rate': 0.025,
      ...Object.fromEntries(edges),
      ...config,
    },
    budget: 100,
    info: [{ train_accuracy: 95, val_accuracy: validation, epochs: 98, model_parameters: 1_500_000 }],
    test_accuracy: test,
    runtime: 5000,
    learning_curves: { 'Train/val_accuracy': [50, 70, 80, validation] },
    ...more,
  })
}

describe('NAS-Bench-301', () => {
  const space = cellSpace({
    operations: [
      'max_pool_3x3',
      'avg_pool_3x3',
      'skip_connect',
      'sep_conv_3x3',
      'sep_conv_5x5',
      'dil_conv_3x3',
      'dil_conv_5x5',
    ],
    distinctInputs: true,
  })
  const results = () => {
    const path = join(folder, 'nb301')
    mkdirSync(join(path, 'rs'), { recursive: true })
    mkdirSync(join(path, 'tpe'), { recursive: true })
    writeFileSync(join(path, 'rs', 'results_0.json'), result(92, 91))
    writeFileSync(join(path, 'rs', 'results_1.json'), result(94, 93))
    const other = { 'NetworkSelectorDatasetInfo:darts:edge_normal_0': 'max_pool_3x3' }
    writeFileSync(join(path, 'tpe', 'results_0.json'), result(90, 89, { runtime: 4000 }, other))
    writeFileSync(join(path, 'readme.json'), '{}')
    return path
  }

  it('gives one row per architecture, in the form of the cell space', () => {
    const rows = nasBench301Rows(results())
    expect(rows).toHaveLength(2)
    const { architecture, seconds, metrics } = rows[0]!
    expect(seconds).toBe(5000)
    expect(metrics.validationAccuracy).toBeCloseTo(0.93, 12)
    expect(metrics.testAccuracy).toBeCloseTo(0.92, 12)
    expect(metrics.parameters).toBe(1_500_000)
    const genotype = formatDartsGenotype(space.decode(space.encode(JSON.parse(architecture))))
    const cell = Array(4).fill("('sep_conv_3x3', 0), ('skip_connect', 1)").join(', ')
    expect(genotype).toBe(
      `Genotype(normal=[${cell}], normal_concat=[2, 3, 4, 5], reduce=[${cell}], reduce_concat=[2, 3, 4, 5])`,
    )
  })

  it('gives rungs from the learning curves, which fileTable reads', async () => {
    const out = join(folder, 'nb301.csv')
    const { code, json } = await archloom(
      ...['table', 'convert', results(), '--from', 'nas-bench-301', '--fidelity', '0.25', '--fidelity', '0.5'],
      ...['--out', out, '--json'],
    )
    expect(code).toBe(0)
    expect(json).toMatchObject({ rows: 6 })
    const table = fileTable({ file: out, space, chooses: 'validationAccuracy', reports: 'testAccuracy' })
    expect(table).toMatchObject({ fidelities: [0.25, 0.5, 1], protocol: 'honest' })
    const [first] = nasBench301Rows(results())
    const cells = space.decode(space.encode(JSON.parse(first!.architecture)))
    expect(table.lookup(cells, 0.5)).toEqual({ metrics: { validationAccuracy: 0.7 }, simulatedSeconds: 2500 })
    expect(table.lookup(cells, 1).metrics.testAccuracy).toBeCloseTo(0.92, 12)
    const wrong = await archloom('table', 'convert', out, '--from', 'nas-bench-301', '--fidelity', '1', '--out', out)
    expect(wrong.stderr).toMatch(/above 0 and below 1/)
  })

  it('is refused where settings are mixed, edges are wrong or numbers are missing', () => {
    const path = join(folder, 'mixed')
    mkdirSync(path)
    writeFileSync(join(path, 'results_0.json'), result(92, 91))
    writeFileSync(join(path, 'results_1.json'), result(93, 92, { budget: 50, learning_curves: undefined }))
    expect(() => nasBench301Rows(path)).toThrow(
      /ARCHLOOM_TABLE_DATASET_UNKNOWN: .*layers8-channels32-epochs100, layers8-channels32-epochs50/,
    )
    expect(nasBench301Rows(path, 'layers8-channels32-epochs50')[0]!.metrics.testAccuracy).toBeCloseTo(0.92, 12)
    expect(() => nasBench301Rows(path, 'layers8-channels32-epochs50', [0.5])).toThrow(/no learning curve/)
    const of = (text: string) => () => nasBench301Rows(write('results_bad.json', text))
    const third = { 'NetworkSelectorDatasetInfo:darts:edge_reduce_4': 'skip_connect' }
    expect(of(result(92, 91, {}, third))).toThrow(/ARCHLOOM_TABLE_CORRUPT: .*3 edges into node 3 of the reduce cell/)
    expect(of(result(92, 91, { test_accuracy: 'high' }))).toThrow(/test_accuracy "high"/)
    expect(of(result(192, 91))).toThrow(/val_accuracy 192/)
    expect(of('{')).toThrow(/no JSON/)
  })
})

it('rows of the full training hold every metric, and those of a lower fidelity at least the one that chooses', () => {
  const of = (content: string) => () =>
    fileTable({ file: write('partial.csv', content), key: String, chooses: 'v', reports: 't' })
  expect(of('architecture,fidelity,v,t\na,0.5,1,\na,1,2,3\n')).not.toThrow()
  expect(of('architecture,fidelity,v,t\na,0.5,,1\na,1,2,3\n')).toThrow(/ARCHLOOM_TABLE_ROW: .*expected v, and others/)
  expect(of('architecture,fidelity,v,t\na,0.5,1,\nb,1,2,3\na,1,2,\n')).toThrow(/ARCHLOOM_TABLE_CORRUPT: .*t ""/)
})
