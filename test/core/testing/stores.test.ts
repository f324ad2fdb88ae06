import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { journalStore } from '../../../core/node/journal.ts'
import { journalStudies } from '../../../core/node/studies.ts'
import { memoryStore } from '../../../core/study/store.ts'
import { storeContract, studiesContract } from '../../../core/testing/index.ts'

storeContract('memory', () => ({ open: () => memoryStore() }), { persistent: false })
storeContract('the journal', () => {
  const directory = mkdtempSync(join(tmpdir(), 'archloom-journal-'))
  return {
    open: () => journalStore(join(directory, 'study')),
    remove: () => rmSync(directory, { recursive: true }),
  }
})

studiesContract('a folder of journals', () => {
  const directory = mkdtempSync(join(tmpdir(), 'archloom-journals-'))
  return {
    connect: () => journalStudies(directory),
    remove: () => rmSync(directory, { recursive: true }),
  }
})
