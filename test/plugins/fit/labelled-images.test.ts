import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { seeded } from 'archloom'
import { concatImages, firstImages, imageSplit, labelledImages, splitDataset } from 'archloom/evaluators/data'
import { type FitEvent, fit, loadModel } from 'archloom/fit'
import sharp from 'sharp'
import { describe, expect, it } from 'vitest'
import { main as cli } from '../../../core/cli/main.ts'
import { tableOfRows } from '../../../evaluators/tables/index.ts'
import { predictCommand } from '../../../plugins/fit/command.ts'
import { constantPredictions, crossMeasured, measuredAt, thresholdsOf } from '../../../plugins/fit/images/labels.ts'
import { filesOfTable, withEveryLabel } from '../../../plugins/fit/images/read.ts'
import { temporaryFolder } from './folder.ts'

const folder = temporaryFolder('fit-labels-')
const SIDE = 8
const names = ['red', 'green', 'blue'] as const

interface Listed {
  readonly file: string
  readonly labels: readonly string[]
}

/** Noise whose channels are bright where the label of their colour applies. */
async function write(name: string, count: number): Promise<Listed[]> {
  const rng = seeded(name)
  mkdirSync(join(folder(), name), { recursive: true })
  const listed: Listed[] = []
  for (let i = 0; i < count; i++) {
    const labels = names.filter(() => rng.float() < 0.45)
    const raw = Uint8Array.from({ length: SIDE * SIDE * 3 }, (_, at) => {
      const isBright = labels.includes(names[at % 3]!)
      return (isBright ? 150 : 50) + rng.int(70)
    })
    const file = `${name}/${i}.png`
    await sharp(Buffer.from(raw), { raw: { width: SIDE, height: SIDE, channels: 3 } })
      .png()
      .toFile(join(folder(), file))
    listed.push({ file, labels })
  }
  return listed
}
function writeTable(name: string, header: string, lines: readonly string[]): string {
  const path = join(folder(), name)
  writeFileSync(path, `${header}\n${lines.join('\n')}\n`)
  return path
}
const quick = { budget: { steps: 60 }, trials: 2, limits: { parameters: 4000 } } as const

describe('thresholds of labels', () => {
  // Two labels, interleaved. By hand: label 1 is present in rows 0, 1 and 3; from 0.3 on it is said four times, three
  // times rightly: F1 6/7, above 4/5 from 0.5 on. Label 2 never applies.
  const predictions = {
    probabilities: Float64Array.of(0.9, 0.2, 0.6, 0.7, 0.4, 0.1, 0.3, 0.2, 0.1, 0.3),
    truth: Float64Array.of(1, 0, 1, 0, 0, 0, 1, 0, 0, 0),
  }

  it('have the largest F1, and are 1/2 for a label that never applies', () => {
    const [first, second] = thresholdsOf(predictions, 2)
    expect(first).toBeCloseTo(0.2, 12)
    expect(second).toBe(0.5)
    const { microF1, macroF1, hammingLoss } = measuredAt(predictions, [0.2, 0.8])
    expect([microF1, macroF1, hammingLoss]).toEqual([6 / 7, 3 / 7, 1 / 10])
    // Among the first two rows all are right from 0.6 on: the threshold is half of that.
    expect(thresholdsOf(predictions, 2, (row) => row < 2)[0]).toBeCloseTo(0.3, 12)
  })

  it('are chosen by the other half of the rows where they are measured', () => {
    // Of the even rows only the first is present, of the odd ones both: 0.9 | 0.4, 0.1 and 0.6, 0.3.
    const even = thresholdsOf(predictions, 2, (row) => row % 2 === 0)[0]!
    const odd = thresholdsOf(predictions, 2, (row) => row % 2 === 1)[0]!
    expect(even).toBeCloseTo(0.65, 12)
    expect(odd).toBeCloseTo(0.15, 12)
    // Even rows at 0.15: 0.9 and 0.4 are said, 0.9 is right. Odd rows at 0.65: nothing is said. Label 2 is said once.
    expect(crossMeasured(predictions, 2).microF1).toBeCloseTo((2 * 1) / (3 + 3), 12)
  })

  it('of constant frequencies say each label of every image', () => {
    const truth = Float64Array.of(1, 0, 1, 0, 0, 1, 0, 0)
    const { meanAveragePrecision, macroF1 } = crossMeasured(constantPredictions(truth, [0.5, 0.25]), 2)
    // The precision of a label that is always said is its share: 2 of 4 and 1 of 4.
    expect(meanAveragePrecision).toBeCloseTo((0.5 + 0.25) / 2, 12)
    expect(macroF1).toBeLessThanOrEqual((2 / 3 + 0.4) / 2)
  })
})

describe('fit of images with several labels', () => {
  it('finds the labels of a CSV, predicts each by its threshold, and exports programs that agree', async () => {
    const listed = await write('train', 150)
    const lines = listed.map(({ file, labels }) => `${file},${labels.join(';')}`)
    const data = writeTable('train.csv', 'file,colours', lines)
    const notes: string[] = []
    const onEvent = (event: FitEvent) => void (event.type === 'note' && notes.push(event.message))
    using result = await fit({ data, ...quick, onEvent })
    expect(result).toMatchObject({ kind: 'images', task: 'multi-label', classes: ['blue', 'green', 'red'] })
    expect(notes.join('\n')).toMatch(/task: multi-label classification of "colours", 3 labels separated by ";"/)
    expect(notes.join('\n')).toMatch(/rows have no label; they count as examples of none/)
    expect(result.thresholds).toHaveLength(3)
    expect(Object.keys(result.metrics).sort()).toEqual(
      ['hammingLoss', 'loss', 'macroF1', 'meanAveragePrecision', 'microF1'].sort(),
    )
    const { baseline, found } = result.comparison.find(({ metric }) => metric === 'meanAveragePrecision')!
    expect(baseline.name).toBe('the frequency of each label')
    expect(found.value).toBeGreaterThan(0.9)
    expect(baseline.value).toBeLessThan(0.7)

    const unseen = await write('unseen', 40)
    const test = writeTable(
      'unseen.csv',
      'colours,file',
      unseen.map(({ file, labels }) => `${labels.join(';')},${file}`),
    )
    const measured = await result.evaluate(test)
    expect(measured.microF1).toBeGreaterThan(0.85)
    expect(measured.hammingLoss).toBeLessThan(0.15)
    const strange = writeTable('strange.csv', 'file,colours', ['unseen/0.png,red;pink', 'unseen/1.png,'])
    await expect(result.evaluate(strange)).rejects.toThrow(/ARCHLOOM_FIT_CLASSES.*pink.*blue, green, red/)

    const out = join(folder(), 'model')
    await result.export(out)
    expect(JSON.parse(readFileSync(join(out, 'model.json'), 'utf8')).thresholds).toEqual(result.thresholds)
    await using model = await loadModel(out)
    const files = unseen.slice(0, 12).map(({ file }) => join(folder(), file))
    const theirs = await model.predict(files)
    const ours = await result.predict(files)
    for (const [i, own] of ours.entries()) {
      if (!('labels' in own)) throw new Error('no labels')
      expect(theirs[i]!['probability of red']).toBeCloseTo(own.probabilities.red!, 4)
      expect(theirs[i]!.predicted).toBe(own.labels.join(';'))
    }
    // A table that names the files, as the model was fitted on one.
    expect((await model.predict(test)).slice(0, 12).map(({ predicted }) => predicted)).toEqual(
      theirs.map(({ predicted }) => predicted),
    )
    const printedLines: string[] = []
    await predictCommand(out, test, { log: (text) => printedLines.push(text), note: () => {}, result: () => {} })
    expect(printedLines.join('\n').split('\n')).toHaveLength(41)
    const nameless = writeTable('nameless.csv', 'colour', ['red', 'blue'])
    await expect(model.predict(nameless)).rejects.toThrow(
      /ARCHLOOM_FIT_DATA.*nameless.csv with the columns colour.*a column of image files/,
    )
    const printed = execFileSync(process.execPath, [join(out, 'predict.mjs'), ...files], {
      encoding: 'utf8',
      env: { ...process.env, NODE_OPTIONS: '' },
    })
    expect(printed.trimEnd().split('\n')).toEqual(files.map((file, i) => `${file} ${theirs[i]!.predicted}`))
    const { load } = (await import(pathToFileURL(join(out, 'predict-browser.mjs')).href)) as {
      load: (ort: unknown, folder: string, read: unknown) => Promise<(image: unknown) => Promise<string[]>>
    }
    const predict = await load(await import('onnxruntime-node'), `${out}/`, (url: string) => readFile(url))
    const decoded = await sharp(files[0]!).ensureAlpha().raw().toBuffer({ resolveWithObject: true })
    const { width, height } = decoded.info
    expect((await predict({ data: decoded.data, width, height })).join(';')).toBe(theirs[0]!.predicted)
  })

  it('takes several columns of 0 and 1 on the command line, and writes integers', async () => {
    const listed = await write('flags', 60)
    const lines = listed.map(({ file, labels }) => [file, ...names.map((name) => +labels.includes(name))].join(','))
    const data = writeTable('flags.csv', `file,${names.join(',')}`, lines)
    const out = join(folder(), 'flags-model')
    const said: string[] = []
    const terminal = { write: (text: string) => void said.push(text) }
    const flags = [
      '--trials',
      '1',
      '--minutes',
      '0.1',
      '--max-parameters',
      '4000',
      '--compress',
      '--out',
      out,
      '--json',
    ]
    expect(await cli(['fit', data, ...flags], { stdout: terminal, stderr: terminal })).toBe(0)
    expect(JSON.parse(said.join('').trim().split('\n').at(-1)!)).toMatchObject({
      task: 'multi-label',
      classes: names,
      thresholds: [expect.any(Number), expect.any(Number), expect.any(Number)],
    })
    said.length = 0
    expect(await cli(['predict', out, join(folder(), 'flags')], { stdout: terminal, stderr: terminal })).toBe(0)
    const [header, ...rows] = said.join('').trimEnd().split('\n')
    expect(header).toBe('file,predicted,probability of red,probability of green,probability of blue')
    expect(rows).toHaveLength(60)
  })

  it('tells lists, arrays, flags and classes apart', () => {
    const table = (rows: readonly Readonly<Record<string, unknown>>[]) => tableOfRows(rows)
    const rows = (of: (i: number) => Readonly<Record<string, unknown>>) =>
      table(Array.from({ length: 30 }, (_, i) => ({ file: `${i}.png`, ...of(i) })))
    const kindOf = (...given: Parameters<typeof filesOfTable>) => filesOfTable(...given)?.kind
    const lists = rows((i) => ({ tags: ['a;b', 'a', 'b'][i % 3] }))
    expect(kindOf(lists, 't.csv')).toBe('labels')
    expect(kindOf(lists, 't.csv', { task: 'classification' })).toBe('classes')
    expect(
      filesOfTable(
        rows((i) => ({ tags: [['a', 'b'], ['a'], []][i % 3] })),
        't.csv',
      ),
    ).toMatchObject({
      kind: 'labels',
      task: { classes: ['a', 'b'] },
    })
    const flags = rows((i) => ({ a: i % 2, b: Number(i % 3 === 0) }))
    expect(kindOf(flags, 't.csv')).toBe('labels')
    expect(kindOf(flags, 't.csv', { target: 'a' })).toBe('classes')
    expect(
      kindOf(
        rows((i) => ({ kind: i % 2 ? 'x' : 'y', size: i })),
        't.csv',
      ),
    ).toBe('classes')
    expect(
      kindOf(
        rows((i) => ({ kind: i % 2 ? 'x' : 'y' })),
        't.csv',
        { task: 'multi-label' },
      ),
    ).toBe('labels')
    expect(() => filesOfTable(flags, 't.csv', { target: 'c' })).toThrow(/ARCHLOOM_TABLE_TARGET: there is no column "c"/)
    expect(() => filesOfTable(flags, 't.csv', { task: 'regression' })).toThrow(/ARCHLOOM_FIT_TASK: task regression/)
    expect(() => filesOfTable(flags, 't.csv', { target: ['a', 'b'], task: 'classification' })).toThrow(
      /ARCHLOOM_FIT_TASK: more than one --target/,
    )
    const amounts = rows((i) => ({ a: i / 7, b: i * 2 }))
    expect(() => filesOfTable(amounts, 't.csv', { target: ['a', 'b'] })).toThrow('ARCHLOOM_TABLE_TARGET_TYPE')
  })

  it('refuses and warns of labels that nothing can be learned from', async () => {
    const listed = await write('odd', 40)
    const table = (name: string, labelsOf: (i: number, own: readonly string[]) => string) =>
      writeTable(
        name,
        'file,colours',
        listed.map(({ file, labels }, i) => `${file},${labelsOf(i, labels)}`),
      )
    const task = 'multi-label' as const
    await expect(fit({ data: table('same.csv', () => 'red'), task, ...quick })).rejects.toThrow(
      'ARCHLOOM_TABLE_CONSTANT',
    )
    await expect(fit({ data: table('none.csv', () => ''), task, ...quick })).rejects.toThrow(
      /ARCHLOOM_TABLE_(CONSTANT|TARGET)/,
    )
    await expect(
      fit({ data: table('once.csv', (i) => (i === 0 ? 'red;all' : 'all')), task, ...quick }),
    ).rejects.toThrow('ARCHLOOM_FIT_CLASSES')
    await expect(fit({ data: join(folder(), 'odd'), task, ...quick })).rejects.toThrow(
      /ARCHLOOM_FIT_TASK: task multi-label has a meaning only with tables, and CSV files/,
    )
    const rare = table('rare.csv', (i, own) => [...own, 'all', ...(i === 3 ? ['once'] : [])].join(';'))
    using result = await fit({ data: rare, ...quick, budget: { steps: 4 }, trials: 1 })
    const warnings = result.warnings.join('\n')
    expect(warnings).toContain('labels of fewer than two images are left out, because nothing could be checked: once')
    expect(warnings).toContain('labels of all images are left out, because there is nothing to learn: all')
    expect(result.classes).toEqual(['blue', 'green', 'red'])
    const few = writeTable('few.csv', 'file,colours', ['odd/0.png,red;blue', 'odd/1.png,red'])
    await expect(fit({ data: few, task, ...quick })).rejects.toThrow('ARCHLOOM_TABLE_TOO_SMALL')
  })

  it('keeps a training image of every label', () => {
    const multiHot = Uint8Array.of(1, 0, 1, 0, 0, 1, 0, 1)
    const { train, validation } = withEveryLabel(
      { train: Int32Array.of(0, 1), validation: Int32Array.of(2, 3) },
      multiHot,
      2,
    )
    expect([[...train], [...validation]]).toEqual([[0, 1, 2], [3]])
  })
})

describe('images with several labels', () => {
  it('are learned from a data set in memory, whose test split measures them', async () => {
    const rng = seeded('memory')
    const count = 120
    const multiHot = Uint8Array.from({ length: 2 * count }, () => rng.int(2))
    const pixels = Uint8Array.from({ length: 64 * 3 * count }, (_, at) => {
      const [image, channel] = [Math.floor(at / 192), at % 3]
      return (channel < 2 && multiHot[2 * image + channel] === 1 ? 150 : 50) + rng.int(70)
    })
    const parts = { height: 8, width: 8, channels: 3, classes: 2, pixels, labels: new Int32Array(count), multiHot }
    const images = labelledImages(parts)
    expect(firstImages(images, 3).multiHot).toEqual(multiHot.subarray(0, 6))
    expect(concatImages([images, images]).multiHot).toHaveLength(4 * count)
    const data = splitDataset({
      name: 'colours',
      train: images,
      test: 30,
      validation: 20,
      classNames: ['red', 'green'],
    })
    using result = await fit({ data, ...quick })
    expect(result).toMatchObject({ task: 'multi-label', classes: ['red', 'green'] })
    expect((await result.evaluate(data)).microF1).toBeGreaterThan(0.85)
    await expect(result.evaluate('unseen.csv')).rejects.toThrow(/ARCHLOOM_FIT_DATA.*a test split of images with labels/)
  })

  it('have zeros and ones as targets of batches, and are refused where they do not fit', () => {
    const parts = { height: 1, width: 1, channels: 1, classes: 2, pixels: Uint8Array.of(0, 100, 200) }
    const images = labelledImages({
      ...parts,
      labels: Int32Array.of(0, 1, 0),
      multiHot: Uint8Array.of(1, 1, 0, 1, 0, 0),
    })
    const [batch] = imageSplit('train', images).batches({ batchSize: 3 })
    expect(batch!.targets.shape).toEqual([3, 2])
    expect([...batch!.targets.dataSync()]).toEqual([1, 1, 0, 1, 0, 0])
    batch!.inputs.dispose()
    batch!.targets.dispose()
    expect(() => labelledImages({ ...parts, labels: Int32Array.of(0, 1, 0), multiHot: Uint8Array.of(1) })).toThrow(
      'ARCHLOOM_DATA_COUNT_MISMATCH',
    )
  })
})
