import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sqliteStudies } from 'archloom/plugins/sqlite'
import { storeContract, studiesContract } from 'archloom/testing'

storeContract('sqlite', () => {
  const directory = mkdtempSync(join(tmpdir(), 'archloom-sqlite-'))
  const studies = sqliteStudies(join(directory, 'studies.db'))
  return {
    open: () => studies.open('study', { mode: 'write' }),
    remove: () => rmSync(directory, { recursive: true }),
  }
})

studiesContract('sqlite', () => {
  const directory = mkdtempSync(join(tmpdir(), 'archloom-sqlite-'))
  return {
    connect: () => sqliteStudies(join(directory, 'studies.db')),
    remove: () => rmSync(directory, { recursive: true }),
  }
})
