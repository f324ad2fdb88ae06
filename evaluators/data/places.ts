import { stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { error } from './errors.ts'

/**
 * The environment variables that say where data is: ARCHLOOM_DATA, ARCHLOOM_CACHE, ARCHLOOM_OFFLINE, XDG_CACHE_HOME.
 */
export type Environment = Readonly<Record<string, string | undefined>>

/** ARCHLOOM_CACHE, else archloom in the user's cache folder. */
export const cacheDirectory = (environment: Environment = process.env): string =>
  environment.ARCHLOOM_CACHE || join(environment.XDG_CACHE_HOME || join(homedir(), '.cache'), 'archloom')

/** The folder of existing data sets, if ARCHLOOM_DATA names one. Error: ARCHLOOM_DATA_FOLDER_MISSING. */
export async function dataDirectory(environment: Environment = process.env): Promise<string | undefined> {
  const path = environment.ARCHLOOM_DATA
  if (!path) return undefined
  const found = await stat(path).catch(() => undefined)
  if (!found?.isDirectory()) throw error('ARCHLOOM_DATA_FOLDER_MISSING', { variable: 'ARCHLOOM_DATA', path })
  return path
}

export const isOffline = (environment: Environment = process.env): boolean =>
  !['', '0', 'false', undefined].includes(environment.ARCHLOOM_OFFLINE)
