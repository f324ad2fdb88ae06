import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { VERSION } from '../../core/version.ts'
import { PROTOCOL } from './wire.ts'

/**
 * Import and export statements, dynamic imports and `new URL('./x', import.meta.url)` of a path that begins with a dot.
 */
const REFERENCE = /(?:\bfrom\s*|\bimport\s*\(?\s*|\brequire\s*\(\s*|\bnew\s+URL\s*\(\s*)(['"])(\.{1,2}\/[^'"]+)\1/g
const ENDINGS = ['', '.ts', '.mts', '.js', '.mjs', '/index.ts', '/index.js']
const SOURCE = /\.[cm]?[jt]sx?$/

/** The file that a path means: `.js` may stand for a TypeScript file. */
function found(path: string): string | undefined {
  const candidates = [...ENDINGS.map((ending) => path + ending), path.replace(/\.([cm]?)js$/, '.$1ts')]
  return candidates.find((each) => SOURCE.test(each) && existsSync(each))
}

export interface CodeFingerprint {
  readonly fingerprint: string
  /** Files that were read, relative to the module's folder, sorted. */
  readonly files: readonly string[]
}

/**
 * A fingerprint of the program that evaluates: the module's text, that of every source file which it imports by a
 * relative path, directly or not, and the version of archloom. Line endings and the location of the folder do not
 * matter. Packages of node_modules and data files are not read.
 */
export function codeFingerprint(module: URL): CodeFingerprint {
  const start = fileURLToPath(module)
  const texts = new Map<string, string>()
  const queue = [start]
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    if (texts.has(file)) continue
    const text = readFileSync(file, 'utf8').replaceAll('\r\n', '\n')
    texts.set(file, text)
    for (const [, , path] of text.matchAll(REFERENCE)) {
      const target = found(resolve(dirname(file), path!))
      if (target !== undefined) queue.push(target)
    }
  }
  const nameOf = (file: string) => relative(dirname(start), file).replaceAll('\\', '/')
  const named = [...texts].map(([file, text]) => [nameOf(file), text] as const)
  named.sort(([a], [b]) => (a < b ? -1 : 1))
  const hash = createHash('sha256').update(JSON.stringify([PROTOCOL, VERSION, named]))
  return { fingerprint: hash.digest('hex').slice(0, 16), files: named.map(([name]) => name) }
}
