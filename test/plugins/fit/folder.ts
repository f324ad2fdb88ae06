import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll } from 'vitest'

/** A folder in .cache that lasts as long as the tests of a file. Call what this returns inside a test. */
export function temporaryFolder(prefix: string): () => string {
  let folder = ''
  beforeAll(() => {
    mkdirSync('.cache', { recursive: true })
    folder = resolve(mkdtempSync(join('.cache', prefix)))
  })
  afterAll(() => rmSync(folder, { recursive: true }))
  return () => folder
}
