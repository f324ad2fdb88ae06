// Lets this process import TypeScript, in packages of any "type", and in a checkout resolve `archloom/…` to its source.
// Forked processes get it through NODE_OPTIONS; so does a worker thread that is given `env: { ...process.env }`.
// Without the optional package tsx only what Node itself understands can be imported.
import { existsSync } from 'node:fs'
import { register } from 'node:module'
import { fileURLToPath } from 'node:url'

export const isCheckout = existsSync(fileURLToPath(new URL('main.ts', import.meta.url)))

const tsx = await import('tsx/esm/api').catch(() => undefined)
export const hasTypeScript = tsx !== undefined || Boolean(process.features.typescript)

tsx?.register()
register('./source-condition.mjs', import.meta.url, { data: { conditions: isCheckout ? ['archloom-source'] : [] } })

const preload = `--import ${import.meta.url}`
const options = process.env.NODE_OPTIONS ?? ''
if (!options.includes(preload)) process.env.NODE_OPTIONS = `${options} ${preload}`.trim()
