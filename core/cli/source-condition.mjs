// Resolve hooks of the `archloom` command.
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

let conditions = []

export function initialize(data) {
  conditions = data.conditions
}

const STATEMENT = /^\s*(?:import|export)\b(?!\s*\()/m
const isProgram = (url) => url.startsWith('file:') && /\.[jt]sx?(?:$|\?)/.test(url) && !url.includes('/node_modules/')

/**
 * In a checkout, package entries resolve to their TypeScript source, as under `node --conditions=archloom-source`.
 * A file of the user's with import and export statements is a module, whatever "type" its package.json states:
 * `npm init` writes "commonjs", and Node refuses to require() a module while it is importing one.
 */
export async function resolve(specifier, context, next) {
  const found = await next(specifier, {
    ...context,
    conditions: [...new Set([...conditions, ...context.conditions])],
  })
  if (found.format !== 'commonjs' || !isProgram(found.url)) return found
  const text = await readFile(fileURLToPath(found.url.replace(/\?.*/, '')), 'utf8')
  return STATEMENT.test(text) ? { ...found, format: 'module' } : found
}
