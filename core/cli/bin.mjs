#!/usr/bin/env node
// The `archloom` command: the TypeScript source itself in a checkout, dist in an installed package.
import { existsSync } from 'node:fs'

const isCheckout = existsSync(new URL('main.ts', import.meta.url))
// An installed command loads TypeScript's compiler only when it imports a module of the user's.
if (isCheckout) await import('./typescript.mjs')
const { main } = await import(isCheckout ? './main.ts' : '../../dist/core/cli/main.js')
// Whoever reads the output may leave early, as `| head` does: the rest is dropped, and a search goes on.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error) => {
    if (error.code !== 'EPIPE') throw error
  })
process.exitCode = await main(process.argv.slice(2))
