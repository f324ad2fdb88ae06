import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { fileTable, naslibRows, publishedRows } from 'archloom/evaluators/tabular'
import { parseArchString } from 'archloom/search-spaces/nas-bench-201'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { archloom } from '../../core/cli/terminal.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'archloom-naslib-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

const write = (name: string, content: string | Uint8Array) => {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

// The two layouts of NASLib's files, with numbers of our own.
const plain = {
  nasbench201: {
    cifar10: {
      '(4, 3, 2, 1, 0, 3)': { flops: 12.5, grad_norm: 3.5, synflow: 60.25, val_accuracy: 81.5 },
      '(0, 0, 0, 0, 0, 2)': { flops: 30, grad_norm: 1.25, synflow: 40, val_accuracy: 88 },
    },
    cifar100: { '(1, 1, 1, 1, 1, 1)': { flops: 1, grad_norm: 0, synflow: 0, val_accuracy: 1 } },
  },
}
const timed = {
  cifar10: {
    '(4, 3, 2, 1, 0, 3)': {
      id: '7',
      arch: '(4, 3, 2, 1, 0, 3)',
      nwot: { score: 400.5, time: 1.5 },
      val_accuracy: 81.5,
    },
    '(0, 0, 0, 0, 0, 2)': { id: '8', arch: '…', nwot: { score: 410, time: 1.5 }, val_accuracy: 88 },
  },
}

describe('NASLib', () => {
  it('gives scores and validation accuracies of both layouts, with cells in the notation of NAS-Bench-201', () => {
    const rows = naslibRows(write('plain.json', JSON.stringify(plain)))
    expect(rows).toHaveLength(2)
    // NASLib lists the edges by where they begin: 0→1, 0→2, 0→3, 1→2, 1→3, 2→3.
    expect(rows[0]).toEqual({
      architecture: '|avg_pool_3x3~0|+|nor_conv_1x1~0|none~1|+|nor_conv_3x3~0|skip_connect~1|nor_conv_1x1~2|',
      metrics: { flops: 12.5, gradNorm: 3.5, synflow: 60.25, validationAccuracy: 81.5 },
    })
    for (const { architecture } of rows) expect(() => parseArchString(architecture)).not.toThrow()
    expect(naslibRows(write('timed.json.gz', gzipSync(JSON.stringify(timed))))).toEqual([
      { architecture: rows[0]!.architecture, metrics: { nwot: 400.5, validationAccuracy: 81.5 } },
      { architecture: rows[1]!.architecture, metrics: { nwot: 410, validationAccuracy: 88 } },
    ])
  })

  it('keeps the tuples of other spaces', () => {
    const micro = { class_scene: { '(1, 0, 0, 2, 1, 0)': { idx: '5', val_accuracy: 34, snip: { score: 2, time: 1 } } } }
    expect(naslibRows(write('micro.json', JSON.stringify(micro)), 'class_scene')).toEqual([
      { architecture: '(1, 0, 0, 2, 1, 0)', metrics: { validationAccuracy: 34, snip: 2 } },
    ])
    const genotype = '[[(0, 4), (1, 3)], [(0, 3), (1, 1)]]'
    const darts = { nasbench301: { cifar10: { [genotype]: { val_accuracy: 93, snip: 2 } } } }
    expect(naslibRows(write('darts.json', JSON.stringify(darts)))[0]!.architecture).toBe(genotype)
  })

  it('leaves scores out that Python wrote as NaN or Infinity', () => {
    const text =
      '{"cifar10": {"(4, 0, 0, 0, 0, 0)": {"val_accuracy": 5.0, "nwot": {"score": -Infinity, "time": 1}, "zen": NaN}}}'
    expect(naslibRows(write('infinite.json', text))[0]!.metrics).toEqual({ validationAccuracy: 5 })
  })

  it('is converted to a table that can be searched', async () => {
    const out = join(folder, 'table.csv')
    const path = write('whole.json', JSON.stringify(plain))
    const { code } = await archloom('table', 'convert', path, '--from', 'naslib', '--out', out)
    expect(code).toBe(0)
    const table = fileTable({
      file: out,
      key: (text: string) => text,
      chooses: 'validationAccuracy',
      reports: 'validationAccuracy',
    })
    const { architecture } = naslibRows(path)[1]!
    expect(table.lookup(architecture, 1).metrics).toMatchObject({ validationAccuracy: 88, synflow: 40 })
  })

  it('refuses other files and data sets by name', async () => {
    const path = write('good.json', JSON.stringify(plain))
    expect(() => naslibRows(path, 'mnist')).toThrow(/ARCHLOOM_TABLE_DATASET_UNKNOWN: .*"mnist".*cifar10, cifar100/)
    for (const [content, received] of [
      ['{', /no JSON/],
      ['[]', /no object/],
      ['{"cifar10": {"a": 1}}', /no architectures/],
      ['{"cifar10": {"(4, 0, 0, 0, 0, 0)": 3}}', /no scores of \(4, 0/],
      ['{"cifar10": {"(4, 0, 0, 0, 0, 0)": {"val_accuracy": "x"}}}', /no number val_accuracy/],
      ['{"cifar10": {"(4, 0, 0, 0, 0, 0)": {"snip": 1}}}', /no val_accuracy/],
    ] as const) {
      const wrong = write('wrong.json', content)
      expect(() => naslibRows(wrong)).toThrow(/ARCHLOOM_TABLE_CORRUPT/)
      expect(() => naslibRows(wrong)).toThrow(received)
    }
    await expect(publishedRows('naslib', join(folder, 'missing.json'))).rejects.toThrow(/ARCHLOOM_TABLE_NOT_FOUND/)
  })
})
