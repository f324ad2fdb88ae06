import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { partKinds } from '../../../core/cli/templates/kinds.ts'
import { archloom } from './terminal.ts'

// Inside the package, so that what is written finds it.
mkdirSync('.cache', { recursive: true })
const folder = mkdtempSync(resolve('.cache', 'new-plugin-'))
afterAll(() => rmSync(folder, { recursive: true }))

for (const kind of partKinds) {
  const { code, stderr } = await archloom('new-plugin', kind, `my-${kind}`, '--folder', folder)
  if (code !== 0) throw new Error(stderr)
}

// The tests that were written belong to this file: each part passes the contract of its kind at once.
for (const kind of partKinds)
  describe(`the test of a new ${kind}`, async () => {
    await import(/* @vite-ignore */ pathToFileURL(join(folder, `my-${kind}.test.ts`)).href)
  })

describe('archloom new-plugin', () => {
  it('writes what TypeScript accepts in strict mode', () => {
    const files = readdirSync(folder).map((file) => join(folder, file))
    const strict = ['--strict', '--noUncheckedIndexedAccess', '--exactOptionalPropertyTypes', '--verbatimModuleSyntax']
    const language = ['--target', 'es2022', '--module', 'nodenext', '--allowImportingTsExtensions', '--noEmit']
    const lib = ['--lib', 'ES2023,ESNext.Disposable,ESNext.Collection,ESNext.Iterator']
    const own = ['--ignoreConfig', '--skipLibCheck', '--customConditions', 'archloom-source', '--types', 'node']
    const decorators = ['--experimentalDecorators', '--resolveJsonModule']
    const all = [...strict, ...language, ...lib, ...own, ...decorators, ...files]
    expect(execFileSync('npx', ['tsc', ...all], { encoding: 'utf8' })).toBe('')
  }, 240_000)

  it('overwrites nothing, and refuses a name that cannot be a file name', async () => {
    const again = await archloom('new-plugin', 'space', 'my-space', '--folder', folder)
    expect(again.code).toBe(1)
    expect(again.stderr).toContain('ARCHLOOM_FILE_EXISTS')
    expect((await archloom('new-plugin', 'space', '../Space', '--folder', folder)).stderr).toContain(
      'ARCHLOOM_PLUGIN_NAME',
    )
    for (const name of ['class', 'options', 'declared', 'await'])
      expect((await archloom('new-plugin', 'controller', name, '--folder', folder)).stderr, name).toContain(
        'ARCHLOOM_PLUGIN_NAME',
      )
    expect((await archloom('new-plugin', 'spaces', 'other', '--folder', folder)).code).toBe(2)
  })
})
