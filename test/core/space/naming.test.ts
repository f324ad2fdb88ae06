import { existsSync, mkdtempSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createSearch } from '../../../core/index.ts'
import { defineSpace, findSearchSpace, integer, registerSearchSpace } from '../../../core/space/index.ts'
import { random } from '../../../plugins/random/index.ts'

const named = (name: string) => defineSpace(name, integer(0, 3))

describe('names of spaces', () => {
  it('are fit for files, and keep the label', () => {
    const space = named('my space / !')
    expect(space.name).toBe('my-space')
    expect(space.label).toBe('my space / !')
    expect(named('cell-channels=16').name).toBe('cell-channels=16')
    expect(named('Zürich').name).toBe('Zurich')
  })

  it('never name another folder, a hidden file or a device', () => {
    const hostile = [
      '../..',
      '..',
      '.',
      '/',
      'a/b',
      'a\\b',
      'C:\\x',
      '.hidden',
      'nul',
      'CON.txt',
      'a\0b',
      'a\nb',
      '空间',
      '💡',
    ]
    for (const label of [...hostile, 'x'.repeat(500), 'trailing.', '-rf', '~', 'a:b', '%2e%2e%2f']) {
      const { name } = named(label)
      expect(name, label).toMatch(/^[A-Za-z0-9_][A-Za-z0-9._=,+@-]{0,79}$/)
      expect(name, label).not.toMatch(/\.$|^(con|nul)(\.|$)/i)
    }
  })

  it('stay apart where letters were lost, and do not pass for another space where none were', () => {
    expect(named('空间').name).not.toBe(named('搜索').name)
    expect(named(`${'x'.repeat(100)}a`).name).not.toBe(named(`${'x'.repeat(100)}b`).name)
    expect(named('a b').name).toBe(named('a/b').name)
    expect(named('a b').fingerprint).not.toBe(named('a/b').fingerprint)
  })

  it('find a registered space, as the label does', () => {
    const space = registerSearchSpace(named('found / again'))
    expect(findSearchSpace('found / again')).toBe(space)
    expect(findSearchSpace('found-again')).toBe(space)
  })

  it('must not be empty', () => {
    for (const nothing of ['', '  ', undefined, 7])
      expect(() => named(nothing as string)).toThrow('ARCHLOOM_SPACE_PART')
  })

  it('keep a study in its folder', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'names-'))
    await using search = createSearch({
      space: named('../my space / !'),
      evaluator: () => ({ value: 1 }),
      plugins: [random()],
      objectives: { value: 'maximise' },
      budget: { maxTrials: 2 },
      study: { directory },
      seed: 1,
    })
    await search.finish()
    const [study, ...others] = readdirSync(directory)
    expect(others).toEqual([])
    expect(existsSync(join(directory, study!, 'journal.jsonl'))).toBe(true)
  })
})
