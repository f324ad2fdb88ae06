import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { messageOf } from '../errors.ts'
import { error } from './errors.ts'

type Part = string | Uint8Array

const bytesOf = (part: Part): Uint8Array => (typeof part === 'string' ? Buffer.from(part) : part)

/**
 * The temporary path to write to, and the path it is moved to. Both are the same if `file` is not a regular file, such
 * as /dev/stdout.
 */
function placesOf(file: string): { readonly beside: string; readonly target: string } {
  let target = file
  try {
    // A symbolic link is kept: its target is replaced.
    target = realpathSync(file)
    if (!statSync(target).isFile()) return { beside: target, target }
  } catch {}
  return { beside: `${target}.${process.pid}.part`, target }
}
const notWritable = (file: string, cause: unknown) =>
  error('ARCHLOOM_FILE_NOT_WRITABLE', { file, message: messageOf(cause) }, { cause })

function replaceWith(parts: Iterable<Part>, beside: string, target: string, isForced: boolean): void {
  const descriptor = openSync(beside, 'w')
  try {
    for (const part of parts) {
      const bytes = bytesOf(part)
      // A call may write only a part; the next call then throws the reason.
      for (let written = 0; written < bytes.length; ) written += writeSync(descriptor, bytes, written)
    }
    if (isForced && beside !== target) fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
  if (beside !== target) renameSync(beside, target)
}

/**
 * Writes a file completely or not at all: writes a temporary file beside it, forces that to the disk, and moves it
 * into place. Makes the folder if needed. A reader sees the old content or the new one; a full disk leaves the old
 * one. Error: ARCHLOOM_FILE_NOT_WRITABLE.
 */
export function replaceFileSync(file: string, ...parts: readonly Part[]): void {
  const { beside, target } = placesOf(file)
  try {
    mkdirSync(dirname(file), { recursive: true })
    replaceWith(parts, beside, target, true)
  } catch (cause) {
    if (beside !== target) rmSync(beside, { force: true })
    throw notWritable(file, cause)
  }
}

/** The temporary file of `replaceCacheSync`. */
const besideCache = (file: string) => `${file}.part`

/**
 * The same for a file that can be made anew and that one process at a time writes. It is not forced to the disk, so that
 * a power cut may leave a part of it. Where it cannot be written, or its parts cannot be made, the old file stays: never throws.
 */
export function replaceCacheSync(file: string, parts: Iterable<Part>): void {
  try {
    replaceWith(parts, besideCache(file), file, false)
  } catch {
    removeUnfinished(file)
  }
}

/** Removes what a process that was killed during `replaceCacheSync` has left. */
export function removeUnfinished(file: string): void {
  try {
    rmSync(besideCache(file), { force: true })
  } catch {}
}

/** The same without blocking. Error: ARCHLOOM_FILE_NOT_WRITABLE. */
export async function replaceFile(file: string, ...parts: readonly Part[]): Promise<void> {
  const { beside, target } = placesOf(file)
  try {
    await mkdir(dirname(file), { recursive: true })
    const handle = await open(beside, 'w')
    try {
      for (const part of parts) await handle.writeFile(part)
      if (beside !== target) await handle.sync()
    } finally {
      await handle.close()
    }
    if (beside !== target) await rename(beside, target)
  } catch (cause) {
    if (beside !== target) await rm(beside, { force: true })
    throw notWritable(file, cause)
  }
}
