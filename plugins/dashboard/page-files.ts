import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname, extname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { messageOf } from '../../core/index.ts'
import { error } from './errors.ts'

export type PageFiles = Readonly<Record<string, { readonly body: Buffer; readonly type: string }>>

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.md': 'text/plain; charset=utf-8',
}

/** In an installed package the built page; in a checkout its source, which is built when it is first needed. */
const beside = fileURLToPath(new URL('page/', import.meta.url))
const isSource = extname(import.meta.url) === '.ts'

/** The files of the page by their path. Error: ARCHLOOM_DASHBOARD_PAGE_MISSING. */
export async function pageFiles(folder: string = beside): Promise<PageFiles> {
  try {
    return await filesIn(isSource && folder === beside ? await built() : folder)
  } catch (cause) {
    throw error('ARCHLOOM_DASHBOARD_PAGE_MISSING', { folder, reason: messageOf(cause) }, { cause })
  }
}

async function filesIn(folder: string): Promise<PageFiles> {
  const files: Record<string, PageFiles[string]> = {}
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    const name = path.slice(resolve(folder).length + 1).replaceAll('\\', '/')
    const type = types[extname(name)]
    if (type !== undefined) files[name] = { body: await readFile(path), type }
  }
  if (!files['index.html']) throw new Error('it has no index.html')
  return files
}

/** The folder of the page built from the source as it is now; built at most once for each state of the source. */
async function built(): Promise<string> {
  const modules = nodeModules()
  const hash = createHash('sha256')
  const source = await filesBelow(beside)
  for (const file of [...source, fileURLToPath(new URL('build-page.ts', import.meta.url))]) {
    hash.update(file)
    hash.update(await readFile(file))
  }
  const cache = join(modules, '.cache', 'archloom-dashboard')
  const folder = join(cache, hash.digest('hex').slice(0, 16))
  if (existsSync(join(folder, 'index.html'))) return folder
  const part = `${folder}.${process.pid}.part`
  const { buildPage } = await import('./build-page.ts')
  await mkdir(cache, { recursive: true })
  try {
    await buildPage(part)
    await rename(part, folder)
  } catch (thrown) {
    await rm(part, { recursive: true, force: true })
    // Another process may have built it meanwhile.
    if (!existsSync(join(folder, 'index.html'))) throw thrown
  }
  for (const old of await readdir(cache))
    if (!old.includes('.part') && join(cache, old) !== folder)
      await rm(join(cache, old), { recursive: true, force: true })
  return folder
}

async function filesBelow(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
}

/** The node_modules that this checkout uses. */
function nodeModules(): string {
  for (let folder = dirname(beside); ; folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules')
    if (existsSync(candidate)) return candidate
    if (dirname(folder) === folder) throw new Error('no node_modules is above it; run npm ci')
  }
}
