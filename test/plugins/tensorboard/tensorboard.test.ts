import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createSearch, readRecord, studiesAt } from 'archloom'
import { random } from 'archloom/plugins/random'
import { form, tensorboard } from 'archloom/plugins/tensorboard'
import Pbf from 'pbf'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { crc32c, maskedCrc32c } from '../../../plugins/tensorboard/crc32c.ts'
import { sizeOf } from '../../../plugins/tensorboard/images.ts'
import { eventPieces } from '../../../plugins/tensorboard/pieces.ts'
import { describeWhere } from '../../conditional-suites.ts'
import { digits, sum } from '../../core/search/parts.ts'
import { eventfulStore, HOSTILE } from '../eventful-study.ts'

const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'archloom-tensorboard-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

interface Found {
  readonly run: string
  readonly at: number
  readonly step: number
  readonly version?: string
  readonly tag?: string
  readonly value?: number
  readonly plugin?: string
  readonly content?: Uint8Array
}

/** A reader of its own: fields by number, without any schema. */
function fieldsOf(bytes: Uint8Array): Map<number, (number | Uint8Array)[]> {
  // A copy: the library reads numbers of a part of a buffer from the start of the whole.
  const pbf = new Pbf(Uint8Array.from(bytes))
  const found = new Map<number, (number | Uint8Array)[]>()
  while (pbf.pos < pbf.length) {
    const key = pbf.readVarint()
    const kinds: Readonly<Record<number, () => number | Uint8Array>> = {
      0: () => pbf.readVarint(true),
      1: () => pbf.readDouble(),
      2: () => pbf.readBytes(),
      5: () => pbf.readFloat(),
    }
    const field = found.get(key >> 3) ?? []
    found.set(key >> 3, field)
    field.push(kinds[key & 7]!())
  }
  return found
}
const text = (bytes: unknown) => Buffer.from(bytes as Uint8Array).toString()

function readFile(file: string, run: string): Found[] {
  const bytes = readFileSync(file)
  const events: Found[] = []
  for (let at = 0; at < bytes.length; ) {
    const size = Number(bytes.readBigUInt64LE(at))
    expect(bytes.readUInt32LE(at + 8)).toBe(maskedCrc32c(bytes.subarray(at, at + 8)))
    const data = bytes.subarray(at + 12, at + 12 + size)
    expect(bytes.readUInt32LE(at + 12 + size)).toBe(maskedCrc32c(data))
    at += 16 + size
    const event = fieldsOf(data)
    const value = event.has(5) ? fieldsOf(fieldsOf(event.get(5)![0] as Uint8Array).get(1)![0] as Uint8Array) : undefined
    const metadata = value?.has(9) ? fieldsOf(value.get(9)![0] as Uint8Array) : undefined
    const plugin = metadata && fieldsOf(metadata.get(1)![0] as Uint8Array)
    events.push({
      run,
      at: event.get(1)![0] as number,
      step: (event.get(2)?.[0] as number | undefined) ?? 0,
      ...(event.has(3) && { version: text(event.get(3)![0]) }),
      ...(value && { tag: text(value.get(1)![0]) }),
      ...(value?.has(2) && { value: value.get(2)![0] as number }),
      ...(plugin && { plugin: text(plugin.get(1)![0]), content: plugin.get(2)![0] as Uint8Array }),
    })
  }
  return events
}
const readFolder = (folder: string): Found[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.includes('tfevents'))
    .sort()
    .flatMap((name) => readFile(join(folder, name), dirname(name)))

async function exportTo(folder: string) {
  const store = await eventfulStore()
  const files = new Map<string, Uint8Array[]>()
  for await (const { path, data } of form.exportStudy(store, await readRecord(store)))
    files.set(path, [...(files.get(path) ?? []), data as Uint8Array])
  for (const [path, pieces] of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), Buffer.concat(pieces))
  }
}

it('CRC-32C is that of RFC 3720', () => {
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283)
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa)
  expect(crc32c(new Uint8Array(32).fill(255))).toBe(0x62a8ab43)
})

it('knows the size of PNG and JPEG files', () => {
  expect(sizeOf(PNG)).toEqual({ width: 1, height: 1 })
  const jpeg = Buffer.from('ffd8ffe000041234ffc0000b0800070009010111 00'.replaceAll(' ', ''), 'hex')
  expect(sizeOf(jpeg)).toEqual({ width: 9, height: 7 })
  expect(sizeOf(Buffer.from('GIF89a'))).toBeUndefined()
})

describe('exported event files', () => {
  it('hold the curves of trials and of the study, with rising steps', async () => {
    await exportTo(directory)
    const events = readFolder(directory)
    const curve = (run: string, tag: string) =>
      events.filter((event) => event.run === run && event.tag === tag).map(({ step, value }) => [step, value])
    expect(curve('trial-000000', 'accuracy')).toEqual([
      [1, Number.NaN],
      [2, 0.5],
      [3, 0.75],
      [4, 0.75],
    ])
    expect(curve('.', 'trials/latencyMs')).toEqual([
      [0, 8],
      [3, 12],
      [4, 2],
    ])
    expect(curve('.', 'best/accuracy')).toEqual([
      [0, 0.75],
      [3, 0.75],
      [4, 0.75],
    ])
    expect(curve('.', 'trials failed')).toEqual([[1, 1]])
    expect(events.filter(({ version }) => version === 'brain.Event:2')).toHaveLength(8)
    expect(events[0]!.at).toBe(Date.UTC(2026, 0, 2, 3, 4, 5, 678) / 1000)
  })

  it('hold typed hyperparameters, and how each trial ended', async () => {
    await exportTo(directory)
    const events = readFolder(directory).filter(({ plugin }) => plugin === 'hparams')
    const start = events.find(({ run, tag }) => run === 'trial-000001' && tag === '_hparams_/session_start_info')!
    const session = fieldsOf(fieldsOf(start.content!).get(3)![0] as Uint8Array)
    const parameters = Object.fromEntries(
      session.get(1)!.map((entry) => {
        const fields = fieldsOf(entry as Uint8Array)
        const [kind, value] = [...fieldsOf(fields.get(2)![0] as Uint8Array)][0]!
        return [text(fields.get(1)![0]), kind === 3 ? text(value[0]) : value[0]]
      }),
    )
    expect(parameters).toEqual({ operation: HOSTILE, shape: '[5,5]', width: 64, depth: 16, rate: 1, drop: 0 })
    const statuses = events
      .filter(({ tag }) => tag === '_hparams_/session_end_info')
      .map(({ run, content }) => [run, fieldsOf(fieldsOf(content!).get(4)![0] as Uint8Array).get(1)![0]])
    expect(statuses).toEqual([
      ['trial-000000', 1],
      ['trial-000001', 2],
      ['trial-000002', 1],
      ['trial-000003', 1],
      ['trial-000004', 1],
    ])
  })
})

it('images that plugins tell of become image events', async () => {
  const file = join(directory, 'samples.png')
  writeFileSync(file, PNG)
  const piecesOf = eventPieces(0)
  const facts = { trial: 1, files: [file, join(directory, 'lost.png')] }
  const event = { type: 'plugin.event', plugin: 'painter', name: 'samples', facts, seq: 1, at: 1 } as const
  const pieces = await piecesOf(event)
  expect(pieces).toHaveLength(1)
  expect(Buffer.from(pieces[0]!.data as Uint8Array).includes(PNG)).toBe(true)
})

describe('the observer', () => {
  const compose = async (maxTrials: number) =>
    createSearch({
      space: digits,
      evaluator: (architecture: { readonly digit: readonly number[] }) => ({ sum: sum(architecture) }),
      plugins: [random(), tensorboard({ directory: join(directory, 'board'), runs: 2, everyMs: 1 })],
      objectives: { sum: 'maximise' },
      budget: { maxTrials },
      study: { name: 'mine', storage: await studiesAt(`journal:${directory}`) },
    })

  it('writes a study, and writes it anew where it is resumed, each point once', async () => {
    for (const maxTrials of [3, 6]) {
      await using search = await compose(maxTrials)
      await search.finish()
    }
    const events = readFolder(join(directory, 'board', 'mine'))
    const steps = events.filter(({ run, tag }) => run === '.' && tag === 'trials/sum').map(({ step }) => step)
    expect(steps).toEqual([0, 1, 2, 3, 4, 5])
    expect([...new Set(events.map(({ run }) => run))].sort()).toEqual(['.', 'trial-000000', 'trial-000001'])
  })
})

const python = process.env.ARCHLOOM_PYTHON ?? 'python3'
const hasTensorboard = spawnSync(python, ['-c', 'import tensorboard'], { stdio: 'ignore' }).status === 0
describeWhere(hasTensorboard, 'the real TensorBoard', () => {
  it('reads the curves, the texts and the hyperparameters', async () => {
    await exportTo(directory)
    const script = `
import json, sys
from tensorboard.backend.event_processing.event_multiplexer import EventMultiplexer
from tensorboard.plugins.hparams import metadata
m = EventMultiplexer().AddRunsFromDirectory(sys.argv[1]); m.Reload()
start = metadata.parse_session_start_info_plugin_data(m.SummaryMetadata('trial-000001', '_hparams_/session_start_info').plugin_data.content)
print(json.dumps({
  'runs': sorted(m.Runs()),
  'curve': [[e.step, str(e.value)] for e in m.Scalars('trial-000000', 'accuracy')],
  'best': [[e.step, e.value] for e in m.Scalars('.', 'best/accuracy')],
  'hparams': {k: v.number_value or v.string_value for k, v in start.hparams.items()},
  'texts': sorted(m.PluginRunToTagToContent('text')['trial-000001']),
}))`
    expect(JSON.parse(execFileSync(python, ['-c', script, directory], { encoding: 'utf8' }))).toEqual({
      runs: ['.', ...[0, 1, 2, 3, 4, 5, 6].map((trial) => `trial-00000${trial}`)],
      curve: [
        [1, 'nan'],
        [2, '0.5'],
        [3, '0.75'],
        [4, '0.75'],
      ],
      best: [
        [0, 0.75],
        [3, 0.75],
        [4, 0.75],
      ],
      hparams: { operation: HOSTILE, shape: '[5,5]', width: 64, depth: 16, rate: 1, drop: '' },
      texts: ['architecture', 'failure'],
    })
  })
})
