import { existsSync, readFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { replaceFileSync } from '../../node/files.ts'
import { error } from '../errors.ts'
import type { Output } from '../output.ts'
import { project } from '../templates/project.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))
/** The dependency on archloom: the path of a checkout, or the version of an installed package. */
const isCheckout = existsSync(join(root, 'core/cli/commands/init.ts'))

/** A package name derived from the name of the folder. */
const nameOf = (folder: string) =>
  basename(resolve(folder))
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]+/g, '-')
    .replace(/^[._-]+/, '') || 'search'

/** Writes new files and returns their paths. Error: ARCHLOOM_FILE_EXISTS if one exists already; then nothing is written. */
export function writeNew(folder: string, files: Readonly<Record<string, string>>): readonly string[] {
  const paths = Object.keys(files).map((name) => join(folder, name))
  const taken = paths.find((path) => existsSync(path))
  if (taken !== undefined) throw error('ARCHLOOM_FILE_EXISTS', { file: taken })
  for (const [i, text] of Object.values(files).entries()) replaceFileSync(paths[i]!, text)
  return paths
}

/** `archloom init [folder]`: writes a typed project that runs. An existing package.json is kept. */
export function init(folder: string, output: Output): number {
  const { 'package.json': made = '', ...rest } = project(
    nameOf(folder),
    isCheckout ? `file:${resolve(root)}` : undefined,
  )
  const kept = existsSync(join(folder, 'package.json'))
  const written = writeNew(folder, kept ? rest : { 'package.json': made, ...rest })
  for (const path of written) output.log(`wrote ${path}`)
  if (kept && (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { type?: string }).type !== 'module')
    output.note(
      'the existing package.json was kept; add "type": "module" to it, so that TypeScript also treats search.ts as an ES module',
    )
  const steps = [
    ...(folder === '.' ? [] : [`cd ${folder}`]),
    ...(kept ? [] : ['npm install']),
    'npx archloom run search.ts',
  ]
  output.log(`next: ${steps.join(' && ')}`)
  output.result({ files: written })
  return 0
}
