#!/usr/bin/env node
// The `archloom` command: the TypeScript source itself in a checkout, dist in an installed package.
import { isCheckout } from './typescript.mjs'

const { main } = await import(isCheckout ? './main.ts' : '../../dist/core/cli/main.js')
process.exitCode = await main(process.argv.slice(2))
