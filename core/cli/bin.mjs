#!/usr/bin/env node
// The `archloom` command: the TypeScript source itself in a checkout, dist in an installed package.
import { isCheckout } from './typescript.mjs'

const { main } = await import(isCheckout ? './main.ts' : '../../dist/core/cli/main.js')
// Whoever read the output may have left, as `| head` does: the rest is not for anybody, and a search goes on.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error) => {
    if (error.code !== 'EPIPE') throw error
  })
process.exitCode = await main(process.argv.slice(2))
