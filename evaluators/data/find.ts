import { rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { type Clock, realClock } from '../../core/clock.ts'
import type { DatasetSource } from '../../core/trainer.ts'
import { extractMembers } from './archive.ts'
import { type Checksum, type DownloadProgress, download } from './download.ts'
import { error } from './errors.ts'
import type { LabelledImages } from './images.ts'
import { withLock } from './lock.ts'
import { cacheDirectory, dataDirectory, type Environment, isOffline } from './places.ts'
import { progressBar } from './progress-bar.ts'
import { exists } from './read-bytes.ts'

/** A published file of a data set, and its form in the cache. */
export interface RemoteFile {
  /** Addresses of the same file, the official one first. */
  readonly urls: readonly string[]
  readonly file: string
  readonly checksum: Checksum
  /** For a .tar.gz: the members that are kept. */
  readonly members?: readonly string[]
}

/** The content of the files in one folder. */
export interface ImagesOnDisk {
  readonly train: LabelledImages
  readonly test: LabelledImages
  readonly classNames: readonly string[]
  readonly notes: readonly string[]
}

/** A data set known by name: where its files may be, how they are read, and where they are published. */
export interface NamedSet {
  readonly name: string
  readonly title: string
  /** Folders to look for inside a root, in order. A root with such a name counts too. */
  readonly folders: readonly string[]
  /** Reads a folder; undefined when it holds none of the set's files. */
  read(folder: string): Promise<ImagesOnDisk | undefined>
  readonly remote: readonly RemoteFile[]
}

export interface FindOptions {
  /** Default process.env. */
  readonly environment?: Environment
  /** An address to download from instead of the official ones; the checksums are still checked. */
  readonly mirror?: string
  /** Default: a progress bar on stderr. */
  readonly onProgress?: (progress: DownloadProgress) => void
  readonly clock?: Clock
  readonly signal?: AbortSignal
  /** Number of attempts for each address (default: 4), and milliseconds before the second one (default: 1,000). */
  readonly attempts?: number
  readonly pauseMs?: number
}

/** A data set as published, without hold-out and normalisation. */
export interface FoundData extends ImagesOnDisk {
  readonly name: string
  readonly title: string
  readonly source: DatasetSource
  /** The folder it was read from. */
  readonly location: string
}

/**
 * Looks in ARCHLOOM_DATA, then in the cache, then downloads into the cache (unless ARCHLOOM_OFFLINE is set).
 * Errors: ARCHLOOM_DATA_FOLDER_MISSING, those of the readers, ARCHLOOM_DOWNLOAD_*, ARCHLOOM_ARCHIVE_INCOMPLETE.
 */
export async function findSet(set: NamedSet, options: FindOptions = {}): Promise<FoundData> {
  const { environment = process.env } = options
  const looked: string[] = []
  const root = await dataDirectory(environment)
  for (const folder of root ? foldersIn(root, set.folders) : []) {
    looked.push(folder)
    const found = await set.read(folder)
    if (found) return { ...found, name: set.name, title: set.title, source: 'archloom-data', location: folder }
  }
  const location = join(cacheDirectory(environment), 'datasets', set.name)
  looked.push(location)
  const cached = await isComplete(location, set)
  if (!cached) {
    const urls = set.remote.flatMap((remote) => remote.urls)
    if (isOffline(environment)) throw error('ARCHLOOM_DOWNLOAD_OFFLINE', { name: set.title, looked, urls })
    // If several processes start at once, one downloads the files and the others find them afterwards.
    if (set.remote.length > 0)
      await withLock(join(location, '.lock'), options.clock ?? realClock, options.signal, async () => {
        for (const remote of set.remote) await fetchRemote(remote, location, options)
      })
  }
  const found = await set.read(location)
  if (!found)
    throw error('ARCHLOOM_DATA_SET_NOT_FOUND', {
      name: set.title,
      looked,
      remedy: `Put its files into one of these folders, and set ARCHLOOM_DATA to the folder that contains it.`,
    })
  return { ...found, name: set.name, title: set.title, source: cached ? 'cache' : 'download', location }
}

async function fetchRemote(remote: RemoteFile, folder: string, options: FindOptions): Promise<void> {
  const { mirror, onProgress = progressBar(), clock, signal, attempts, pauseMs } = options
  const path = join(folder, remote.file)
  if (await allExist(folder, remote.members ?? [remote.file])) return
  if (!(await exists(path)))
    await download({
      urls: mirror ? [`${mirror.replace(/\/$/, '')}/${remote.file}`] : remote.urls,
      path,
      checksum: remote.checksum,
      onProgress,
      ...(clock && { clock }),
      ...(signal && { signal }),
      ...(attempts !== undefined && { attempts }),
      ...(pauseMs !== undefined && { pauseMs }),
    })
  if (!remote.members) return
  await extractMembers(path, remote.members, folder)
  await rm(path)
}

/**
 * Whether all files exist. Files get these names only after their checksum was found right, so it is not checked
 * again.
 */
const isComplete = (folder: string, set: NamedSet) =>
  allExist(
    folder,
    set.remote.flatMap((remote) => remote.members ?? [remote.file]),
  )

async function allExist(folder: string, names: readonly string[]): Promise<boolean> {
  for (const name of names) if (!(await exists(join(folder, name)))) return false
  return true
}

const foldersIn = (root: string, folders: readonly string[]) => [
  ...(folders.includes(basename(root)) ? [root] : []),
  ...folders.map((folder) => join(root, folder)),
]
