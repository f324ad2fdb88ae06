import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { codeFingerprint } from '../../../plugins/distributed/code.ts'
import { error } from '../../../plugins/distributed/errors.ts'
import { type Announcement, misfit } from '../../../plugins/distributed/presence.ts'
import { loaded, shown } from '../../../plugins/distributed/redis.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'archloom-code-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

/** A module with its own files in a folder of that name. */
function program(name: string, files: Readonly<Record<string, string>> = {}) {
  const all = {
    'search.ts': "import { a } from './parts/a.js'\nimport 'archloom'\nexport const x = a\n",
    'parts/a.ts': "export const a = await import('./b.ts')\n",
    'parts/b.ts': 'export const b = 1\n',
    'unrelated.ts': 'export {}\n',
    ...files,
  }
  for (const [file, text] of Object.entries(all)) {
    mkdirSync(join(folder, name, file, '..'), { recursive: true })
    writeFileSync(join(folder, name, file), text)
  }
  return codeFingerprint(pathToFileURL(join(folder, name, 'search.ts')))
}

it('the fingerprint of the code covers what the module imports, wherever it lies', () => {
  const { fingerprint, files } = program('here')
  expect(files).toEqual(['parts/a.ts', 'parts/b.ts', 'search.ts'])
  expect(program('there').fingerprint).toBe(fingerprint)
  expect(program('lines', { 'parts/b.ts': 'export const b = 1\r\n' }).fingerprint).toBe(fingerprint)
  expect(program('unrelated', { 'unrelated.ts': 'export const c = 2\n' }).fingerprint).toBe(fingerprint)
  expect(program('deep', { 'parts/b.ts': 'export const b = 2\n' }).fingerprint).not.toBe(fingerprint)
})

it('a worker is told what it does not share with the searches of its queue', () => {
  const search: Announcement = {
    code: 'c1',
    space: 's1',
    spaceName: 'squares',
    checkpoints: 'redis',
    version: '9',
    host: 'h',
  }
  const worker = {
    code: 'c1',
    space: 's1',
    module: 'm.ts',
    spaceName: 'cubes',
    files: ['m.ts'],
    checkpoints: 'redis',
  }
  expect(misfit([], worker)).toBeUndefined()
  expect(misfit([search], worker)).toBeUndefined()
  expect(misfit([{ ...search, code: 'other' }, search], worker)).toBeUndefined()
  expect(misfit([search], { ...worker, code: 'c2' })?.code).toBe('ARCHLOOM_DISTRIBUTED_CODE')
  expect(misfit([search], { ...worker, code: 'c2' })?.message).toMatch(
    /"c2".*"c1".*archloom \S+ here and 9 there.*m\.ts/,
  )
  expect(misfit([search], { ...worker, space: 's2' })?.message).toMatch(
    /ARCHLOOM_DISTRIBUTED_SPACE.*"cubes" \(s2\).*"squares" \(s1\)/,
  )
  const places = misfit([{ ...search, checkpoints: 's3://b' }], worker)
  expect(places?.message).toMatch(/ARCHLOOM_DISTRIBUTED_CHECKPOINTS.*--checkpoints s3:\/\/b/)
})

it('a missing package is named with the line that installs it', async () => {
  const missing = loaded('bullmq', async () => {
    throw new Error("Cannot find package 'bullmq'")
  })
  await expect(missing).rejects.toThrow(/ARCHLOOM_DISTRIBUTED_INSTALL.*npm install bullmq@6 ioredis@6/)
  expect(error.codes).toContain('ARCHLOOM_DISTRIBUTED_INSTALL')
})

it('addresses are shown without their passwords', () => {
  expect(shown('rediss://me:secret@host:1/2')).toBe('rediss://…@host:1/2')
  expect(shown('redis://:se@cret@host')).toBe('redis://…@host')
  expect(shown('redis://host:6379')).toBe('redis://host:6379')
})
