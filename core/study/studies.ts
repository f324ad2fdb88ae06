import { error } from './errors.ts'
import { memoryStore, type Store } from './store.ts'

export interface OpenOptions {
  /** 'write' creates the study if it does not exist, and refuses a second writer. Default: 'read'. */
  readonly mode?: 'read' | 'write'
  /** When opened for writing: creates a new study. If the name is taken, a number is added to it. */
  readonly fresh?: boolean
}

/** A place that holds studies by name. Addressed by URL: `journal:./archloom-studies`, `memory:`, `sqlite:…`, `postgres:…`. */
export interface Studies {
  readonly url: string
  /** Names, sorted. */
  list(): Promise<readonly string[]>
  /** Errors: ARCHLOOM_STUDY_NOT_FOUND, ARCHLOOM_STUDY_LOCKED, ARCHLOOM_STUDY_NOT_WRITABLE, ARCHLOOM_STUDY_NAME. */
  open(name: string, options?: OpenOptions): Promise<Store>
  /** Whether a process is writing the study now; undefined if this is unknown. */
  isWritten(name: string): Promise<boolean | undefined>
  /** Deletes the study and its artifacts. */
  remove(name: string): Promise<void>
}

export type StudiesFactory = (url: string) => Studies | Promise<Studies>

const schemes = new Map<string, StudiesFactory>()

/** Makes `scheme:…` an address of studies. Registering a scheme again replaces it. */
export function registerStudies(scheme: string, factory: StudiesFactory): void {
  schemes.set(scheme, factory)
}

/** Opens the place for studies at a URL. Error: ARCHLOOM_STORAGE_UNKNOWN. */
export async function studiesAt(url: string): Promise<Studies> {
  const scheme = /^([a-z][a-z0-9+]+):/.exec(url)?.[1]
  const factory = scheme === undefined ? undefined : schemes.get(scheme)
  if (!factory) throw error('ARCHLOOM_STORAGE_UNKNOWN', { url: withoutPassword(url), known: [...schemes.keys()] })
  return factory(url)
}

/** A URL without its password, for display. */
export const withoutPassword = (url: string): string => url.replace(/(:\/\/[^:@/]*):[^@/]*@/, '$1:…@')

const SAFE = /^[A-Za-z0-9_=+,.@~-]+$/
/** Longest name that file systems accept, with room for suffixes. */
const NAME_LIMIT = 200

/** A study's name must be usable as the name of a folder. Error: ARCHLOOM_STUDY_NAME. */
export function checkStudyName(name: string): void {
  if (!SAFE.test(name) || /^\.+$/.test(name) || name.length > NAME_LIMIT)
    throw error('ARCHLOOM_STUDY_NAME', { received: name, suggestion: safeName(name) })
}

/** A name made of the characters that a study's name may have. */
export const safeName = (text: string): string =>
  text
    .replace(/[^A-Za-z0-9_=+,.@~-]+/g, '-')
    .replace(/^[-.]+|-+$/g, '')
    .slice(0, NAME_LIMIT) || 'study'

/** The first of `name`, `name-2`, `name-3` … that is not taken. */
export function freshName(name: string, taken: (candidate: string) => boolean): string {
  for (let n = 1; ; n++) {
    const candidate = n === 1 ? name : `${name}-${n}`
    if (!taken(candidate)) return candidate
  }
}

/** Studies in memory, shared by everything in this process that uses the same URL. */
function memoryStudies(url: string): Studies {
  const stores = new Map<string, Store>()
  return {
    url,
    list: async () => [...stores.keys()].sort(),
    async open(name, { mode = 'read', fresh = false } = {}) {
      checkStudyName(name)
      const chosen = fresh ? freshName(name, (candidate) => stores.has(candidate)) : name
      const known = stores.get(chosen)
      if (known) return known
      if (mode === 'read') throw error('ARCHLOOM_STUDY_NOT_FOUND', { path: name, known: [...stores.keys()] })
      const store = memoryStore(chosen)
      stores.set(chosen, store)
      return store
    },
    isWritten: async () => undefined,
    remove: async (name) => void stores.delete(name),
  }
}

const memories = new Map<string, Studies>()
registerStudies('memory', (url) => {
  const known = memories.get(url) ?? memoryStudies(url)
  memories.set(url, known)
  return known
})
