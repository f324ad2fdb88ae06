// Lets this process import TypeScript, in packages of any "type", and in a checkout resolve `archloom/…` to its source.
// Forked processes get it through NODE_OPTIONS; so does a worker thread that is given `env: { ...process.env }`.
import { existsSync } from 'node:fs'
import { register } from 'node:module'
import { fileURLToPath } from 'node:url'
import { register as registerTypeScript } from 'tsx/esm/api'

export const isCheckout = existsSync(fileURLToPath(new URL('main.ts', import.meta.url)))

registerTypeScript()
register('./source-condition.mjs', import.meta.url, { data: { conditions: isCheckout ? ['source'] : [] } })

const preload = `--import ${import.meta.url}`
const options = process.env.NODE_OPTIONS ?? ''
if (!options.includes(preload)) process.env.NODE_OPTIONS = `${options} ${preload}`.trim()
