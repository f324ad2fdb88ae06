import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeWhere } from '../../conditional-suites.ts'
import { archloom } from './terminal.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'archloom-completion-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

async function script(shell: string): Promise<string> {
  const { code, stdout } = await archloom('completion', shell)
  expect(code).toBe(0)
  const file = join(folder, shell)
  writeFileSync(file, stdout)
  return file
}

const has = (shell: string) => [`/bin/${shell}`, `/usr/bin/${shell}`].some((path) => existsSync(path))

describeWhere(has('bash'), 'completion in bash', () => {
  const complete = async (...words: string[]) => {
    const typed = words.map((word) => `'${word}'`).join(' ')
    const lines = `. ${await script('bash')}; COMP_WORDS=(archloom ${typed}); COMP_CWORD=${words.length}; _archloom; echo "\${COMPREPLY[*]}"`
    return execFileSync('bash', ['-c', lines], { encoding: 'utf8' }).trim().split(' ')
  }

  it('completes commands, flags and the values of arguments', async () => {
    expect(await complete('res')).toEqual(['resume', 'results'])
    expect(await complete('show', '--dir')).toEqual(['--directory'])
    expect(await complete('plugins', 'sched')).toEqual(['scheduler'])
    expect(await complete('new-plugin', 'one')).toEqual(['one-shot-method'])
  })
})

describeWhere(has('zsh'), 'completion in zsh', () => {
  it('is a script that zsh accepts', async () => {
    execFileSync('zsh', ['-n', await script('zsh')])
  })
})

describeWhere(has('fish'), 'completion in fish', () => {
  it('is a script that fish accepts', async () => {
    execFileSync('fish', ['--no-execute', await script('fish')])
  })
})

it('zsh and fish know every command and flag', async () => {
  for (const shell of ['zsh', 'fish']) {
    const { stdout } = await archloom('completion', shell)
    for (const word of ['resume', 'new-plugin', 'directory', 'scheduler'])
      expect(stdout, `${shell}: ${word}`).toContain(word)
  }
  expect((await archloom('completion', 'tcsh')).code).toBe(2)
})
