import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { messageOf } from '../../core/errors.ts'
import { threadsWanted } from '../../core/tensor/threads.ts'
import { error } from './errors.ts'
import { restoreRemovedFunctions } from './removed-functions.ts'

/** The packages, those with CUDA first. */
export const packageNames = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'] as const

/** The exports of the addon, on which the backend of tfjs-node is built. */
interface Addon {
  readonly TF_Version: string
  isUsingGpuDevice(): boolean
}

/** An installed package whose native addon could be loaded. */
export interface Installation {
  readonly packageName: (typeof packageNames)[number]
  readonly version: string
  /** Version of the TensorFlow library. */
  readonly libraryVersion: string
  readonly gpu: boolean
  /** Requires modules from the place where the package was found. */
  readonly require: NodeJS.Require
}

/** The folder of addons built from a wheel: ARCHLOOM_CACHE, or archloom in the user's cache folder. */
export const wheelFolder = (environment: NodeJS.ProcessEnv = process.env): string =>
  join(
    environment.ARCHLOOM_CACHE || join(environment.XDG_CACHE_HOME || join(homedir(), '.cache'), 'archloom'),
    'tensorflow',
  )

/** Folders whose node_modules (or those above) may hold a package: the program's, this package's, and the cache. */
export const searchFolders = (): readonly string[] => [
  process.cwd(),
  dirname(fileURLToPath(import.meta.url)),
  wheelFolder(),
]

interface Found {
  readonly packageName: (typeof packageNames)[number]
  readonly folder: string
  readonly require: NodeJS.Require
}

function find(folders: readonly string[]): Found | undefined {
  for (const packageName of packageNames)
    for (const folder of folders) {
      const require = createRequire(pathToFileURL(join(folder, 'index.js')))
      try {
        return { packageName, folder: dirname(require.resolve(`${packageName}/package.json`)), require }
      } catch {
        // The package is not in this folder.
      }
    }
  return undefined
}

/** Whether the package with CUDA is installed; loads nothing. */
export const hasGpuPackage = (folders = searchFolders()): boolean => find(folders)?.packageName === packageNames[0]

/**
 * Finds the package and loads its native addon, which starts no backend.
 * @throws ARCHLOOM_TENSORFLOW_PACKAGE_MISSING, ARCHLOOM_TENSORFLOW_LIBRARY_MISSING, ARCHLOOM_TENSORFLOW_LIBRARY_BROKEN
 */
export function findInstallation(folders: readonly string[] = searchFolders()): Installation {
  const found = find(folders)
  if (!found)
    throw error('ARCHLOOM_TENSORFLOW_PACKAGE_MISSING', { packages: packageNames, folder: folders[0] as string })
  const { packageName, folder, require } = found
  const { version, binary } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest
  const path = join(folder, binary.module_path.replace('{napi_build_version}', napiVersion(binary)), addonFile(binary))
  if (!existsSync(path)) throw error('ARCHLOOM_TENSORFLOW_LIBRARY_MISSING', { packageName, path })
  // TensorFlow logs every choice on stderr; keep only warnings and errors.
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '1'
  process.env.TF_NUM_INTRAOP_THREADS ??= String(threadsWanted())
  try {
    const addon = require(path) as Addon
    return { packageName, version, libraryVersion: addon.TF_Version, gpu: addon.isUsingGpuDevice(), require }
  } catch (thrown) {
    const reason = messageOf(thrown).split('\n')[0] as string
    throw error('ARCHLOOM_TENSORFLOW_LIBRARY_BROKEN', { packageName, path, reason }, { cause: thrown })
  }
}

interface Manifest {
  readonly version: string
  readonly binary: Binary
}
interface Binary {
  readonly module_name: string
  readonly module_path: string
  readonly napi_versions: readonly number[]
}

/** The newest interface that both the package and this version of Node support. */
export const napiVersion = ({ napi_versions }: Binary): string =>
  `${Math.max(...napi_versions.filter((each) => each <= Number(process.versions.napi)))}`

const addonFile = ({ module_name }: Binary): string => `${module_name}.node`

/** Loads the package, which registers the tfjs backend `tensorflow`. */
export function loadPackage({ packageName, require }: Installation): void {
  restoreRemovedFunctions()
  require(packageName)
}
