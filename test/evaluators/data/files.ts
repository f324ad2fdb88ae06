import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** A folder that is removed when the test is over. */
export async function temporaryFolder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'archloom-data-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

export async function temporaryFile(name: string, bytes: Uint8Array): Promise<string> {
  const path = join(await temporaryFolder(), name)
  await writeFile(path, bytes)
  return path
}

/** CIFAR records; pixel p of plane c of record i is (i + 10 c + p) mod 251. */
export function cifarBytes(labels: readonly (readonly number[])[]): Uint8Array {
  return Uint8Array.from(
    labels.flatMap((own, i) => [
      ...own,
      ...Array.from({ length: 3072 }, (_, j) => (i + 10 * Math.floor(j / 1024) + (j % 1024)) % 251),
    ]),
  )
}

export function idxBytes(magic: number, sizes: readonly number[], body: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 + 4 * sizes.length + body.length)
  const view = new DataView(bytes.buffer)
  for (const [i, value] of [magic, ...sizes].entries()) view.setUint32(4 * i, value)
  bytes.set(body, 4 + 4 * sizes.length)
  return bytes
}

export const counting = (n: number) => Array.from({ length: n }, (_, i) => i % 256)

export const md5 = (bytes: Uint8Array) => createHash('md5').update(bytes).digest('hex')
export const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
