import { execFileSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { archloom } from './terminal.ts'

let folder: string
let project: string
const run = (command: string, args: readonly string[], cwd: string) =>
  execFileSync(command, args, { cwd, encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: '' } })

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'archloom-init-'))
  project = join(folder, 'first project')
})
afterAll(() => rmSync(folder, { recursive: true }), 120_000)

describe('archloom init', () => {
  it('writes a project that the packed package runs and TypeScript accepts', async () => {
    expect((await archloom('init', project)).code).toBe(0)
    expect(readdirSync(project).sort()).toEqual(['.gitignore', 'package.json', 'search.ts', 'tsconfig.json'])
    const { name, dependencies } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8'))
    expect(name).toBe('first-project')
    expect(dependencies.archloom).toBe(`file:${resolve('.')}`)

    // The package as npm packs it, beside the dependencies of this checkout.
    const source = join(folder, 'archloom')
    run('npx', ['tsc', '-p', 'tsconfig.build.json', '--outDir', join(source, 'dist')], '.')
    run('node', ['.ci/vendor.mjs', join(source, 'dist')], '.')
    for (const file of [
      'package.json',
      'README.md',
      'LICENSE',
      ...readdirSync('core/cli').flatMap((file) => (file.endsWith('.mjs') ? [`core/cli/${file}`] : [])),
    ])
      cpSync(file, join(source, file), { recursive: true })
    const [tarball = ''] = run('npm', ['pack', '--silent', '--ignore-scripts'], source).trim().split('\n')
    const modules = join(project, 'node_modules')
    mkdirSync(join(modules, 'archloom'), { recursive: true })
    run('tar', ['-xzf', join(source, tarball), '--strip-components=1', '-C', join(modules, 'archloom')], folder)
    for (const entry of readdirSync('node_modules'))
      if (!entry.startsWith('.') && !existsSync(join(modules, entry)))
        symlinkSync(resolve('node_modules', entry), join(modules, entry))

    const bin = join(modules, 'archloom/core/cli/bin.mjs')
    const lines = run('node', [bin, 'run', 'search.ts', '--trials', '12', '--json'], project).trim().split('\n')
    expect(JSON.parse(lines.at(-1)!)).toMatchObject({ status: 'finished', trials: 12, failed: 0 })
    expect(run(resolve('node_modules/.bin/tsc'), ['--noEmit'], project)).toBe('')
  }, 300_000)

  it('overwrites nothing, and keeps a package.json', async () => {
    const again = await archloom('init', project)
    expect(again.code).toBe(1)
    expect(again.stderr).toContain('ARCHLOOM_FILE_EXISTS')
    const kept = join(folder, 'kept', 'package.json')
    mkdirSync(dirname(kept))
    writeFileSync(kept, '{"name":"mine"}')
    const { code, stderr } = await archloom('init', dirname(kept))
    expect(code).toBe(0)
    expect(stderr).toContain('"type": "module"')
    expect(readFileSync(kept, 'utf8')).toBe('{"name":"mine"}')
  })
})
