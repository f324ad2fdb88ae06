import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Json, messageOf, type SavedWeight, VERSION } from '../../core/index.ts'
import { replaceFileSync } from '../../core/node/files.ts'
import { group, type OptionsOf, options, required, text, whole } from '../../core/options/index.ts'
import { error } from './errors.ts'
import type { SavedTensors } from './optimizer-state.ts'

/** The identity of a checkpoint. A search continues only from a checkpoint with the same value in every field. */
export interface CheckpointIdentity {
  readonly method: string
  /** Fingerprint of the space. */
  readonly space: string
  readonly spaceName: string
  /** Options of the method and everything else that decides the trajectory, as one text. */
  readonly settings: string
}

const fields = {
  directory: required(text({ doc: 'Folder in which the state is kept.' })),
  everyEpochs: whole({ min: 1, default: 1, doc: 'Epochs between two checkpoints.' }),
}

/** Where a search's state is kept, and how often. */
export type CheckpointOptions = OptionsOf<typeof declared>
const declared = options('checkpoint', fields)
/** The option `checkpoint` of a method. */
export const checkpointOption = group(fields, {
  optional: true,
  absent: 'none is kept',
  doc: 'Where the state of the search is kept, and from where it is resumed.',
})

/**
 * For each option of a method, whether it decides the course of the search. Checkpoints with another value of such an
 * option are refused.
 */
export type Deciding<O> = { readonly [Name in keyof O]-?: boolean }

/** The options that decide. A new option does not compile until its method says whether it is one of them. */
export const decidingOf = <O extends object>(values: O, deciding: Deciding<O>): Readonly<Record<string, unknown>> =>
  Object.fromEntries(Object.entries(values).filter(([name]) => deciding[name as keyof O]))

/** Everything that a one-shot search needs to continue. */
export interface Checkpoint {
  readonly weights: readonly SavedWeight[]
  readonly optimizer: SavedTensors
  /** The policy, its optimizer, baseline, random generator and position in the schedule. */
  readonly state: Json
}

const FILE = 'checkpoint.bin'
const FORMAT = 1
const MAGIC = 'ARCHLOOM'
type Entry = readonly [name: string, shape: readonly number[], length: number]

/**
 * Writes one file: 'ARCHLOOM', the header's length in bytes (uint32, little-endian), the header (JSON), and the values
 * of all tensors as float32. It replaces the previous checkpoint only when it is complete. Returns its path. Error:
 * ARCHLOOM_FILE_NOT_WRITABLE; the previous checkpoint is then unchanged.
 */
export function writeCheckpoint(folder: string, identity: CheckpointIdentity, checkpoint: Checkpoint): string {
  const { weights, optimizer, state } = checkpoint
  const entries = (list: readonly SavedWeight[]): Entry[] => list.map((t) => [t.name, t.shape, t.data.length])
  const header = Buffer.from(
    JSON.stringify({
      format: FORMAT,
      archloom: VERSION,
      ...identity,
      state,
      steps: optimizer.steps,
      weights: entries(weights),
      optimizer: entries(optimizer.tensors),
    }),
  )
  const front = Buffer.alloc(12)
  front.write(MAGIC, 'latin1')
  front.writeUInt32LE(header.length, 8)
  const path = join(folder, FILE)
  const values = [...weights, ...optimizer.tensors].map(
    ({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  )
  replaceFileSync(path, front, header, ...values)
  return path
}

/**
 * Reads the checkpoint of a folder, or returns undefined if there is none. Errors: ARCHLOOM_CHECKPOINT_OTHER if it
 * belongs to another method, space, version or setting; ARCHLOOM_CHECKPOINT_CORRUPT.
 */
export function readCheckpoint(folder: string, identity: CheckpointIdentity): Checkpoint | undefined {
  const path = join(folder, FILE)
  if (!existsSync(path)) return undefined
  const corrupt = (reason: string) => error('ARCHLOOM_CHECKPOINT_CORRUPT', { file: path, reason })
  let bytes: Buffer
  try {
    bytes = readFileSync(path)
  } catch (thrown) {
    throw corrupt(messageOf(thrown))
  }
  if (bytes.length < 12 || bytes.toString('latin1', 0, 8) !== MAGIC)
    throw corrupt('it does not begin like a checkpoint')
  const start = 12 + bytes.readUInt32LE(8)
  let header: Readonly<Record<string, unknown>>
  try {
    header = JSON.parse(bytes.toString('utf8', 12, start)) as typeof header
  } catch (thrown) {
    throw corrupt(messageOf(thrown))
  }
  if (typeof header !== 'object' || header === null) throw corrupt('its header is not an object')
  for (const [field, expected] of Object.entries({ format: FORMAT, archloom: VERSION, ...identity }))
    if (header[field] !== expected)
      throw error('ARCHLOOM_CHECKPOINT_OTHER', { file: path, ...difference(field, header[field], expected) })
  const { state, steps } = header
  const isList = (entries: unknown) => Array.isArray(entries) && entries.every(isEntry)
  if (state === undefined || !Number.isInteger(steps) || !isList(header.weights) || !isList(header.optimizer))
    throw corrupt('its header lacks weights, optimizer, steps or state')
  let at = start
  const tensors = (entries: unknown) =>
    (entries as readonly Entry[]).map(([name, shape, length]): SavedWeight => {
      if (at + 4 * length > bytes.length) throw corrupt('it ends before its last tensor')
      const data = new Float32Array(bytes.buffer.slice(bytes.byteOffset + at, bytes.byteOffset + at + 4 * length))
      at += 4 * length
      return { name, shape, data }
    })
  const [weights, slots] = [tensors(header.weights), tensors(header.optimizer)]
  if (at !== bytes.length) throw corrupt('it continues after its last tensor')
  return { weights, optimizer: { steps: steps as number, tensors: slots }, state: state as Json }
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0
const isEntry = (entry: unknown): entry is Entry => {
  if (!Array.isArray(entry)) return false
  const [name, shape, length] = entry as unknown[]
  if (typeof name !== 'string' || !Array.isArray(shape) || !shape.every(isCount)) return false
  return shape.reduce((size, each) => size * each, 1) === length
}

type Fields = Readonly<Record<string, unknown>>
type Difference = { readonly field: string; readonly received: unknown; readonly expected: unknown }

/** The first difference between two texts of settings, which are too long to print completely. */
function difference(field: string, received: unknown, expected: unknown): Difference {
  const parsed = (text: unknown): Fields => {
    try {
      return JSON.parse(String(text)) ?? {}
    } catch {
      return {}
    }
  }
  const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null
  const between = (theirs: Fields, ours: Fields, path: string): Difference | undefined => {
    for (const key of Object.keys({ ...ours, ...theirs })) {
      const [a, b] = [theirs[key], ours[key]]
      if (JSON.stringify(a) === JSON.stringify(b)) continue
      const within = isFields(a) && isFields(b) ? between(a, b, `${path}${key}.`) : undefined
      return within ?? { field: `setting ${path}${key}`, received: a, expected: b }
    }
    return undefined
  }
  const found = field === 'settings' ? between(parsed(received), parsed(expected), '') : undefined
  return found ?? { field, received, expected }
}
