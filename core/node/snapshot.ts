import { rmSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { decodeJson, encodeJson } from '../study/store.ts'
import { crc32, withChecksum, withoutChecksum } from './checksum.ts'
import { replaceCacheSync } from './files.ts'
import { type Place, readLines } from './lines.ts'

/** A line is written once this many characters have gathered. */
const GATHER = 1 << 20
/** Number of the form of the file. */
const FORM = 1

/** The first line of a snapshot: which part of which journal it stands for. */
interface Header {
  readonly snapshot: number
  /** Lines and bytes of the journal, and the CRC-32 of these bytes. */
  readonly events: number
  readonly bytes: number
  readonly checksum: number
}

/** Replaces a snapshot, completely or not at all. Its lines carry checksums as those of a journal do. */
export function writeSnapshot(file: string, { line, offset, crc }: Place, parts: Iterable<object>): void {
  const header: Header = { snapshot: FORM, events: line, bytes: offset, checksum: crc ?? 0 }
  replaceCacheSync(file, texts(header, parts))
}

function* texts(header: Header, parts: Iterable<object>): Generator<string, void, void> {
  let text = `${withChecksum(encodeJson(header))}\n`
  for (const part of parts) {
    text += `${withChecksum(encodeJson(part))}\n`
    if (text.length < GATHER) continue
    yield text
    text = ''
  }
  yield text
}

/** Removes a snapshot; returns whether there was one. */
export function removeSnapshot(file: string): boolean {
  try {
    rmSync(file)
    return true
  } catch {
    return false
  }
}

/**
 * What `writeSnapshot` wrote, if the journal still begins with the bytes that it stands for; `after` is the place in the
 * journal behind them. `parts` throws at a line that has changed.
 */
export async function readSnapshot(
  file: string,
  journal: string,
): Promise<{ readonly after: Place; readonly parts: AsyncIterable<unknown> } | undefined> {
  const lines = checkedLines(file)
  let after: Place | undefined
  try {
    const first = await lines.next()
    after = first.done ? undefined : placeOf(first.value as Partial<Header>)
    if (after && (await beginsWith(journal, after)))
      return { after: { line: after.line, offset: after.offset }, parts: lines }
  } catch {}
  await lines.return()
  return undefined
}

async function* checkedLines(file: string): AsyncGenerator<unknown, void, void> {
  for await (const lines of readLines(file, { line: 0, offset: 0 }))
    for (const line of lines) {
      const text = withoutChecksum(line)
      // A line without a checksum is returned as it is.
      if (text === undefined || text === line) throw new Error('a line of the snapshot has changed')
      yield decodeJson(text)
    }
}

function placeOf({ snapshot, events, bytes, checksum }: Partial<Header>): Place | undefined {
  const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) > 0
  return snapshot === FORM && isCount(events) && isCount(bytes)
    ? { line: events as number, offset: bytes as number, crc: checksum }
    : undefined
}

async function beginsWith(journal: string, { offset, crc }: Place): Promise<boolean> {
  const handle = await open(journal)
  try {
    const block = Buffer.allocUnsafe(1 << 20)
    let value = 0
    for (let at = 0; at < offset; ) {
      const { bytesRead } = await handle.read(block, 0, Math.min(block.length, offset - at), at)
      if (bytesRead === 0) return false
      value = crc32(block.subarray(0, bytesRead), value)
      at += bytesRead
    }
    return value === crc
  } finally {
    await handle.close()
  }
}
