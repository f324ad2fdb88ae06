import { createHash } from 'node:crypto'
import { readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { messageOf } from '../../core/errors.ts'
import { replaceFile } from '../../core/node/files.ts'
import { error } from './errors.ts'
import { keysOf } from './keys.ts'
import type { Redis } from './redis.ts'
import type { CheckpointRef } from './wire.ts'

/**
 * A place that the search and its workers can reach, for the checkpoints of trials that continue on another machine.
 */
export interface CheckpointPlace {
  /** Its name for display. */
  readonly place: string
  write(name: string, data: Uint8Array): Promise<void>
  read(name: string): Promise<Uint8Array | undefined>
  remove(name: string): Promise<void>
}

const REDIS_LIMIT = 64 * 2 ** 20
/** Checkpoints left behind by searches that were killed. */
const REDIS_SECONDS = 7 * 24 * 3600

function inRedis(client: Redis, queue: string): CheckpointPlace {
  const { checkpoint: keyOf } = keysOf(queue)
  return {
    place: 'redis',
    async write(name, data) {
      const remedy = 'Give the search `checkpoints` and its workers --checkpoints: a shared folder or an S3 bucket.'
      const limits = { what: 'checkpoint', bytes: data.length, limit: REDIS_LIMIT, remedy }
      if (data.length > REDIS_LIMIT) throw error('ARCHLOOM_DISTRIBUTED_SIZE', limits)
      await client.set(keyOf(name), Buffer.from(data.buffer, data.byteOffset, data.byteLength), 'EX', REDIS_SECONDS)
    },
    read: async (name) => (await client.getBuffer(keyOf(name))) ?? undefined,
    remove: async (name) => void (await client.del(keyOf(name))),
  }
}

async function inFolder(place: string): Promise<CheckpointPlace> {
  const folder = fileURLToPath(place)
  const found = await stat(folder).catch(() => undefined)
  // A shared folder that is not mounted would be created here, invisible to other machines.
  if (!found?.isDirectory())
    throw error('ARCHLOOM_DISTRIBUTED_CHECKPOINTS', { place, message: 'there is no such folder' })
  return {
    place,
    write: (name, data) => replaceFile(join(folder, name), data),
    async read(name) {
      try {
        return await readFile(join(folder, name))
      } catch (cause) {
        if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined
        throw error('ARCHLOOM_DISTRIBUTED_CHECKPOINTS', { place, message: messageOf(cause) }, { cause })
      }
    },
    remove: (name) => rm(join(folder, name), { force: true }),
  }
}

/** The place at `redis`, `file:///folder` or `s3://bucket/prefix`. Error: ARCHLOOM_DISTRIBUTED_CHECKPOINTS. */
export async function checkpointsAt(place: string, client: Redis, queue: string): Promise<CheckpointPlace> {
  if (place === 'redis') return inRedis(client, queue)
  if (place.startsWith('file:///')) return inFolder(place)
  if (place.startsWith('s3://')) return (await import('./s3.ts')).inBucket(place)
  throw error('ARCHLOOM_DISTRIBUTED_CHECKPOINTS', { place, message: 'no such kind of place is known' })
}

/**
 * The part of the place on which a search and its workers must agree: a shared folder may have another path on each
 * machine.
 */
export const kindOfPlace = (place: string): string => (place.startsWith('file:') ? 'file://<a shared folder>' : place)

const sha256 = (data: Uint8Array) => createHash('sha256').update(data).digest('hex')

export const refOf = (name: string, data: Uint8Array): CheckpointRef => ({
  name,
  sha256: sha256(data),
  bytes: data.length,
})

/**
 * The checkpoint of a reference; undefined if it is gone. Error: ARCHLOOM_DISTRIBUTED_CHECKPOINTS if its digest
 * differs.
 */
export async function readCheckpoint(from: CheckpointPlace, ref: CheckpointRef): Promise<Uint8Array | undefined> {
  const data = await from.read(ref.name)
  if (data && (data.length !== ref.bytes || sha256(data) !== ref.sha256)) {
    const message = `the checkpoint ${ref.name} is not the one that was written`
    throw error('ARCHLOOM_DISTRIBUTED_CHECKPOINTS', { place: from.place, message })
  }
  return data
}
