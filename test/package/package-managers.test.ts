import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeWhere } from '../conditional-suites.ts'
import { canInstall, packInto, run, runProgram, writeUser } from './packed.ts'

const managers = {
  // The layout of pnpm hides dependencies of dependencies from a program.
  pnpm: ['--yes', 'pnpm@10', 'add', '--no-optional', '--ignore-scripts'],
  yarn: ['--yes', 'yarn@1', 'add', '--ignore-optional', '--ignore-scripts', '--no-progress', '--non-interactive'],
} as const

const isWanted = process.env.ARCHLOOM_SLOW === '1' && canInstall()

describeWhere(isWanted, 'the package under other package managers (ARCHLOOM_SLOW=1, needs a package registry)', () => {
  let folder: string
  let tarball: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'archloom-managers-'))
    tarball = packInto(folder)
  }, 900_000)
  afterAll(() => rmSync(folder, { recursive: true, force: true }), 300_000)

  it.each(Object.entries(managers))(
    'is installed by %s, compiles with its types, and runs',
    { timeout: 900_000 },
    (name, args) => {
      const user = join(folder, name)
      mkdirSync(user)
      writeUser(user)
      copyFileSync(join(folder, tarball), join(user, tarball))
      run('npx', [...args, `file:./${tarball}`, '@types/node@20'], user)
      expect(runProgram(user)).toEqual({ completed: 5, found: true, tf: 'function' })
    },
  )
})
