import { createHash } from 'node:crypto'
import type { WireTrial } from './wire.ts'

/** The first part of every key that archloom writes. */
export const PREFIX = 'archloom'

export const digest = (...parts: readonly unknown[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('hex')

/** The properties that a search and its workers must share. */
export interface Likeness {
  readonly code: string
  readonly space: string
}

/** BullMQ's queue of searches and workers with the same properties; jobs of other programs are never seen. */
export const queueName = (queue: string, { code, space }: Likeness): string =>
  `${queue}-${digest(code, space).slice(0, 12)}`

/** Keys and channels of everything that uses one queue name, whatever its properties. */
export const keysOf = (queue: string) => ({
  /** Hash: a search's token → what it announces, as JSON. */
  searches: `${PREFIX}:${queue}:searches`,
  /** Expires when the search of that token is gone. */
  alive: (token: string) => `${PREFIX}:${queue}:alive:${token}`,
  /** Channel: from searches to workers. */
  orders: `${PREFIX}:${queue}:orders`,
  /** Channel: from workers to searches. */
  reports: `${PREFIX}:${queue}:reports`,
  /** Exists if an evaluation was given up, for workers that missed the message. */
  dropped: (job: string) => `${PREFIX}:${queue}:dropped:${job}`,
  checkpoint: (name: string) => `${PREFIX}:${queue}:checkpoint:${name}`,
})

/**
 * The id of a job: the same for the same work, so that a resumed search finds its earlier jobs. BullMQ's
 * own ids are numbers that start again with an empty Redis.
 */
export function jobId(study: string, trials: readonly WireTrial[], sendings: readonly number[]): string {
  const [first] = trials
  const facts = trials.map(({ trial, rung, genotype, fidelity, seed }) => [trial, rung, genotype, fidelity, seed])
  return `trial-${first!.trial}-rung-${first!.rung}-${digest(study, facts, sendings).slice(0, 20)}`
}
