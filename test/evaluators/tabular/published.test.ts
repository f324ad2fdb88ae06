import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSearch, defineSpace, memoryStore, oneOf, product, readEvents, type SearchSpace } from 'archloom'
import { fileTable, hwNasBenchRows, nasBench101Rows, tabular } from 'archloom/evaluators/tabular'
import { asha } from 'archloom/plugins/asha'
import { random } from 'archloom/plugins/random'
import Pbf from 'pbf'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { unpickle } from '../../../evaluators/tabular/published/pickle.ts'
import { maskedChecksum, tfRecords } from '../../../evaluators/tabular/published/tfrecord.ts'
import { maskedCrc32c } from '../../../plugins/tensorboard/crc32c.ts'
import { archloom } from '../../core/cli/terminal.ts'
import { pickles } from './pickles.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'archloom-tables-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

const write = (name: string, content: string | Uint8Array) => {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}
const bytesOf = (name: string) => new Uint8Array(Buffer.from(pickles[name]!, 'base64'))

describe('pickles', () => {
  it.each(['2', '4'])('of protocol %s give what Python wrote', (protocol) => {
    expect(unpickle(bytesOf(protocol), 'x')).toMatchObject({
      nasbench201: {
        cifar10: {
          config: [{ name: 'infer.tiny', C: 16, N: 5 }, { arch_str: expect.stringMatching(/^\|none~0\|/) }],
          edgegpu_latency: [5.807418537139893, 1.25],
          raspi4_latency: [10.48, 0.5],
          average_hw_metric: [591005.8676719831, 2],
        },
      },
      fbnet: { a: true, b: null, c: [1, 2, -3, 70000, 2 ** 40] },
    })
  })

  it('that name other classes are refused by name, and nothing is run', () => {
    expect(() => unpickle(bytesOf('hostile'), 'x')).toThrow(/ARCHLOOM_TABLE_CORRUPT: .*os\.system/)
  })

  it('that are cut short are refused wherever the cut is', () => {
    const whole = bytesOf('4')
    for (let length = 0; length < whole.length; length += 7)
      expect(() => unpickle(whole.subarray(0, length), 'x')).toThrow('ARCHLOOM_TABLE_CORRUPT')
  })
})

describe('HW-NAS-Bench', () => {
  it('gives the measured costs of every cell', () => {
    const path = write('hw.pickle', bytesOf('4'))
    expect(hwNasBenchRows(path)[1]).toEqual({
      architecture: '|none~0|+|none~0|none~1|+|none~0|none~1|none~2|',
      metrics: { edgegpuLatency: 1.25, edgegpuEnergy: 3.5, raspi4Latency: 0.5, averageHwMetric: 2 },
    })
    expect(() => hwNasBenchRows(path, 'mnist')).toThrow(/ARCHLOOM_TABLE_DATASET_UNKNOWN: .*cifar10, cifar100/)
  })
})

/** A record of the benchmark's layout, as its message definition says. */
function record(epochs: number, accuracy: number, seconds: number): Uint8Array {
  const message = new Pbf()
  for (const share of [0, 0.5, 1])
    message.writeMessage(
      1,
      (_, pbf) => {
        pbf.writeDoubleField(1, share * epochs)
        pbf.writeDoubleField(2, share * seconds)
        pbf.writeDoubleField(3, share * accuracy + 0.01)
        pbf.writeDoubleField(4, share * accuracy)
        pbf.writeDoubleField(5, share * accuracy - 0.01)
        pbf.writeStringField(6, 'checkpoint')
      },
      undefined,
    )
  message.writeVarintField(2, 1_234_567)
  message.writeDoubleField(3, 3 * seconds)
  const fields = [
    'hash',
    epochs,
    '011001000',
    'input,conv3x3-bn-relu,output',
    Buffer.from(message.finish()).toString('base64'),
  ]
  return Buffer.from(JSON.stringify(fields))
}
function framed(records: readonly Uint8Array[]): Buffer {
  return Buffer.concat(
    records.flatMap((data) => {
      const head = Buffer.alloc(12)
      head.writeBigUInt64LE(BigInt(data.length))
      head.writeUInt32LE(maskedCrc32c(head.subarray(0, 8)), 8)
      const tail = Buffer.alloc(4)
      tail.writeUInt32LE(maskedCrc32c(data))
      return [head, data, tail]
    }),
  )
}

describe('NAS-Bench-101', () => {
  it('gives the mean of the repetitions at the end of each training', async () => {
    const path = write(
      'nb101.tfrecord',
      framed([record(108, 0.9, 1000), record(108, 0.94, 1200), record(12, 0.5, 100)]),
    )
    const rows = await nasBench101Rows(path)
    expect(rows).toHaveLength(2)
    expect(rows[0]).toMatchObject({
      architecture: '011001000 input,conv3x3-bn-relu,output',
      fidelity: 1,
      seconds: 1100,
    })
    expect(rows[0]!.metrics.validationAccuracy).toBeCloseTo(0.92, 12)
    expect(rows[0]!.metrics.testAccuracy).toBeCloseTo(0.91, 12)
    expect(rows[0]!.metrics.parameters).toBe(1_234_567)
    expect(rows[1]!.fidelity).toBeCloseTo(12 / 108, 12)
  })

  it('reads records across the pieces of a file, and refuses damage', async () => {
    const many = framed(Array.from({ length: 20_000 }, (_, i) => Buffer.from(`record ${i} ${'x'.repeat(300)}`)))
    let count = 0
    for await (const each of tfRecords(write('many', many)))
      expect(Buffer.from(each).toString().startsWith(`record ${count++} `)).toBe(true)
    expect(count).toBe(20_000)
    const read = async (content: Uint8Array) => {
      for await (const _ of tfRecords(write('damaged', content)));
    }
    await expect(read(many.subarray(0, many.length - 3))).rejects.toThrow('ARCHLOOM_TABLE_CORRUPT')
    const flipped = Buffer.from(many)
    flipped[500]! ^= 1
    await expect(read(flipped)).rejects.toThrow(/ARCHLOOM_TABLE_CORRUPT: .*wrong checksum in record 1/)
    await expect(nasBench101Rows(write('other', framed([Buffer.from('{}')])))).rejects.toThrow('ARCHLOOM_TABLE_CORRUPT')
    // CRC-32C of "123456789" is e3069283.
    const crc = 0xe3069283
    expect(maskedChecksum(Buffer.from('123456789'))).toBe((((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0)
  })
})

const space = defineSpace('pairs', product({ a: oneOf('x', 'y'), b: oneOf('x', 'y') }))
const csv = `architecture,fidelity,seconds,validation,test
00,1,100,0.7,0.71
01,1,110,0.8,0.79
"{""a"":""y"",""b"":""x""}",1,120,0.9,0.85
11,1,,0.6,0.9
00,0.1,10,0.4,0.41
`

describe('tables of one’s own', () => {
  it('are searched by what chooses, and say what is reported', async () => {
    const table = fileTable({ file: write('own.csv', csv), space, chooses: 'validation', reports: 'test' })
    expect(table).toMatchObject({ protocol: 'honest', fidelities: [0.1, 1], metrics: ['validation', 'test'] })
    await using search = createSearch({
      space,
      evaluator: tabular(table),
      plugins: [random()],
      objectives: { validation: 'maximise' },
      budget: { maxTrials: 20 },
      study: memoryStore(),
    })
    await search.finish()
    expect(search.best(1)[0]).toMatchObject({ architecture: { a: 'y', b: 'x' }, metrics: { test: 0.85 } })
    expect(table.lookup({ a: 'x', b: 'x' }, 0.1)).toEqual({
      metrics: { validation: 0.4, test: 0.41 },
      simulatedSeconds: 10,
    })
    expect(() => table.lookup({ a: 'x', b: 'y' }, 0.1)).toThrow(/ARCHLOOM_TABLE_FIDELITY: .*0\.1.*it holds 1/)
    expect(() => table.lookup({ a: 'x', b: 'x' }, 0.5)).toThrow('ARCHLOOM_TABLE_FIDELITY')
    const study = memoryStore()
    await using wrong = createSearch({
      space,
      evaluator: tabular(table),
      plugins: [random(), asha({ minFidelity: 0.2 })],
      objectives: { validation: 'maximise' },
      budget: { maxTrials: 20 },
      study,
    })
    await expect(wrong.finish()).rejects.toThrow(/ARCHLOOM_TABLE_FIDELITY: .*0\.2.*it holds 0\.1, 1/)
    expect((await readEvents(study)).filter(({ type }) => type.startsWith('trial.'))).toEqual([])
  })

  it('may be JSON, and by a key of one’s own', () => {
    const rows = [
      { architecture: 'first', accuracy: 0.5 },
      { architecture: 'second', accuracy: 0.6 },
    ]
    const table = fileTable({
      file: write('own.json', JSON.stringify(rows)),
      key: ({ name }: { name: string }) => name,
      chooses: 'accuracy',
      reports: 'accuracy',
    })
    expect(table.protocol).toBe('oracle')
    expect(table.lookup({ name: 'second' }, 1).metrics.accuracy).toBe(0.6)
    expect(() => table.lookup({ name: 'third' }, 1)).toThrow('ARCHLOOM_TABLE_ENTRY_UNKNOWN')
  })

  it('are refused where they cannot be right', () => {
    const of =
      (content: string, more: object = {}) =>
      () =>
        fileTable({
          file: write('bad.csv', content),
          space: space as SearchSpace<never>,
          chooses: 'v',
          reports: 'v',
          ...more,
        })
    expect(of('genotype,v\n00,1\n')).toThrow(/ARCHLOOM_TABLE_CORRUPT: .*without the column architecture/)
    expect(of('architecture,v\n00,NaN\n')).toThrow(
      /ARCHLOOM_TABLE_CORRUPT: .*line 2.*v "NaN"; expected a finite number/,
    )
    expect(of('architecture,v\n00,\n')).toThrow(/expected a finite number/)
    expect(of('architecture,v\n00,1\n00,2\n')).toThrow(/ARCHLOOM_TABLE_ROW: .*one row for fidelity 1/)
    expect(of('architecture,fidelity,v\n00,3,1\n')).toThrow(/fidelity 3/)
    expect(of('architecture,v\n99,1\n')).toThrow('ARCHLOOM_GENOTYPE_INVALID')
    expect(of('architecture,w\n00,1\n')).toThrow(/ARCHLOOM_OPTION.*one of the columns w/)
    expect(of('architecture,v\n')).toThrow(/no row/)
    expect(of('architecture,v\n00,1\n', { key: String })).toThrow(/ARCHLOOM_OPTION.*not both/)
    expect(of('[{"architecture": "00", "v": ')).toThrow(/no JSON/)
  })
})

it('archloom table convert writes a published file as a table of one’s own', async () => {
  const path = write('convert.tfrecord', framed([record(108, 0.9, 1000), record(36, 0.8, 400)]))
  const out = join(folder, 'converted.csv')
  const { code, json } = await archloom('table', 'convert', path, '--from', 'nas-bench-101', '--out', out, '--json')
  expect(code).toBe(0)
  expect(json).toMatchObject({ from: 'nas-bench-101', out, rows: 2 })
  expect(readFileSync(out, 'utf8').split('\n')[0]).toBe(
    'architecture,fidelity,seconds,validationAccuracy,testAccuracy,trainAccuracy,parameters',
  )
  const table = fileTable({
    file: out,
    key: (text: string) => text,
    chooses: 'validationAccuracy',
    reports: 'testAccuracy',
  })
  expect(table.lookup('011001000 input,conv3x3-bn-relu,output', 1 / 3).metrics.validationAccuracy).toBe(0.8)
  const wrong = await archloom('table', 'convert', path, '--from', 'hw-nas-bench', '--out', out)
  expect(wrong.stderr).toMatch(/^ARCHLOOM_TABLE_CORRUPT/)
})
