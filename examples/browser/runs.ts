// The searches of this page: each has a worker while it runs, and a study in the page's memory.
import { journalText, type Store, studiesAt } from 'archloom'
import type { FromWorker, ToWorker } from './messages.ts'
import type { Wanted } from './searches.ts'

export interface Run {
  readonly study: string
  readonly wanted: Wanted
  readonly engine?: { readonly name: string; readonly describe: string }
  readonly state: 'starting' | 'running' | 'stopping' | 'ended' | 'failed'
  /** Why it failed. */
  readonly problem?: string
}

export const place = await studiesAt('memory:page')

const runs = new Map<string, Run>()
const stores = new Map<string, Store>()
const listeners = new Set<() => void>()
let current: { readonly study: string; readonly worker: Worker } | undefined

const post = (worker: Worker, message: ToWorker) => worker.postMessage(message)

function set(study: string, changes: Partial<Run>): void {
  runs.set(study, { ...runs.get(study)!, ...changes })
  for (const listener of listeners) listener()
}

export const runOf = (study: string | undefined): Run | undefined => (study === undefined ? undefined : runs.get(study))
export const isBusy = (): boolean => current !== undefined

/** Calls back after every change; returns the function that ends this. */
export function listen(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

/** Starts a search, and resolves to the name of its study once that has begun. */
export async function start(wanted: Wanted): Promise<string> {
  const { task, strategy, seed } = wanted
  const store = await place.open(`${task}-${strategy}-${seed}`, { mode: 'write', fresh: true })
  const study = store.name
  stores.set(study, store)
  const worker = new Worker(new URL('./search-worker.ts', import.meta.url), { type: 'module' })
  current = { study, worker }
  runs.set(study, { study, wanted, state: 'starting' })
  const end = (changes: Pick<Run, 'state' | 'problem'>) => {
    worker.terminate()
    if (current?.worker === worker) current = undefined
    set(study, changes)
  }
  return new Promise((resolve, reject) => {
    worker.onerror = ({ message }) => {
      end({ state: 'failed', problem: message })
      reject(new Error(message))
    }
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      if (data.kind === 'engine') set(study, { engine: data })
      else if (data.kind === 'events') {
        store.append(data.events)
        if (runs.get(study)?.state === 'starting') set(study, { state: 'running' })
        resolve(study)
      } else if (data.kind === 'ended') end({ state: 'ended' })
      else {
        end({ state: 'failed', problem: data.message })
        reject(new Error(data.message))
      }
    }
    post(worker, { kind: 'start', wanted, study })
  })
}

/** Ends the running search after what is under way. */
export function stop(): void {
  if (!current) return
  set(current.study, { state: 'stopping' })
  post(current.worker, { kind: 'stop' })
}

/** The study as a journal, for a link. */
export async function journalOf(study: string): Promise<Blob> {
  return new Blob([await journalText(stores.get(study)!)], { type: 'application/jsonl' })
}
