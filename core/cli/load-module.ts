import { existsSync, statSync } from 'node:fs'
import { extname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Search } from '../composition/search.ts'
import { optionalPackage } from '../node/optional-package.ts'
import type { Json } from '../space/decision.ts'
import { error } from './errors.ts'
import type { Flags, FlagValues } from './flags.ts'

/** What the command line hands to a module's functions, besides the module's own flags. */
export interface ModuleOptions extends FlagValues {
  /** For createSearch({ study }): present when the user names a study, or resumes one. */
  readonly study?:
    | { readonly name: string; readonly directory: string }
    | { readonly name: string; readonly storage: string }
  readonly log: (text: string) => void
  /** Shows how far a long task has come, until the next call or `log` replaces the text. */
  readonly status: (text: string) => void
  /** Aborted on Ctrl-C. */
  readonly signal: AbortSignal
}

/** What `conclude` receives. It makes a last measurement, such as the test accuracy of the retrained winner. */
export interface ConcludeOptions extends ModuleOptions {
  readonly search: Search
}

/** A module that `archloom run` takes: it exports `search`, or `main`. The other exports are optional. */
export interface SearchModule {
  readonly file: string
  /** A composed search, or a function that composes one. */
  readonly search?: Search | Promise<Search> | ((options: ModuleOptions) => Search | Promise<Search>)
  /** A program that does not return a search. Its return value is printed by --json. */
  readonly main?: (options: ModuleOptions) => unknown
  /** The flags that the module's functions take. */
  readonly flags?: Flags
  /** The graph of an architecture in the DOT language; drawn for the best architecture. */
  readonly picture?: (architecture: never) => string
  /** A short name for an architecture in tables. */
  readonly label?: (architecture: never) => string
  /** Called when the search has finished (not when it was stopped); plain JSON that joins the run's result. */
  readonly conclude?: (options: ConcludeOptions) => Promise<Readonly<Record<string, Json>>>
}

const EXPECTED = 'search (a Search, or a function that returns one) or main(options)'

const isSource = import.meta.url.endsWith('.ts')
const hooks = new URL(isSource ? './typescript.mjs' : '../../../core/cli/typescript.mjs', import.meta.url)

/** Enables this process and its child processes to import the user's modules, including TypeScript. */
async function enableModules(isTypeScript: boolean): Promise<void> {
  const { hasTypeScript } = (await import(hooks.href)) as { readonly hasTypeScript: boolean }
  if (isTypeScript && !hasTypeScript)
    await optionalPackage('tsx', 'Running TypeScript files on this version of Node.js', () => import('tsx/esm/api'))
}

const EXTENSIONS = ['.ts', '.mts', '.cts', '.tsx', '.js', '.mjs', '.cjs', '.jsx']

/** Imports any module by its path. Errors: ARCHLOOM_MODULE_NOT_FOUND, ARCHLOOM_MODULE_KIND, ARCHLOOM_PACKAGE_MISSING. */
export async function importModule(file: string): Promise<Readonly<Record<string, unknown>>> {
  const path = resolve(file)
  if (!existsSync(path)) throw error('ARCHLOOM_MODULE_NOT_FOUND', { file, looked: path })
  const refuse = (received: string) => {
    const expected = `a module whose name ends in ${EXTENSIONS.join(', ')}`
    return error('ARCHLOOM_MODULE_KIND', { file, received, expected })
  }
  const facts = statSync(path)
  if (facts.isDirectory()) throw refuse('a folder')
  if (!facts.isFile()) throw refuse('not a regular file')
  if (!EXTENSIONS.includes(extname(path))) throw refuse('a file of another type')
  await enableModules(/ts|x$/.test(extname(path)))
  return (await import(pathToFileURL(path).href)) as Record<string, unknown>
}

/** Imports a module that can be run. Errors: ARCHLOOM_MODULE_NOT_FOUND, ARCHLOOM_MODULE_KIND, ARCHLOOM_MODULE_EXPORTS. */
export async function loadModule(file: string): Promise<SearchModule> {
  const module = await importModule(file)
  const { search, main } = module
  const isSearch = typeof search === 'function' || (typeof search === 'object' && search !== null)
  if (!isSearch && typeof main !== 'function')
    throw error('ARCHLOOM_MODULE_EXPORTS', { file, received: Object.keys(module), expected: EXPECTED })
  return { ...(module as Omit<SearchModule, 'file'>), file }
}

/** The search a module composes. Error: ARCHLOOM_MODULE_EXPORTS. */
export async function searchOf(module: SearchModule, options: ModuleOptions): Promise<Search> {
  const search: unknown = await (typeof module.search === 'function' ? module.search(options) : module.search)
  const isSearch = typeof search === 'object' && search !== null && 'events$' in search && 'finish' in search
  if (!isSearch)
    throw error('ARCHLOOM_MODULE_EXPORTS', {
      file: module.file,
      received: [`search → ${typeof search}`],
      expected: 'search to be what createSearch() returns, or a function that returns it',
    })
  return search as Search
}
