import { expect, it } from 'vitest'
import { optionalPackage } from '../../../core/node/index.ts'

it('gives the package that is there', async () => {
  expect(await optionalPackage('node:path', 'A test', () => import('node:path'))).toHaveProperty('join')
})

it('names the package that is absent, what needs it, and the command that installs it', async () => {
  const specifier = '@archloom/none'
  await expect(optionalPackage(specifier, 'Reading scrolls', () => import(specifier))).rejects.toThrow(
    /^ARCHLOOM_PACKAGE_MISSING: Reading scrolls needs the package "@archloom\/none", .*`npm install @archloom\/none`/,
  )
})
