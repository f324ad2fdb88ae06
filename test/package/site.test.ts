import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import { describeWhere } from '../conditional-suites.ts'
import { canInstall, root, run } from './packed.ts'

const isWanted = process.env.ARCHLOOM_SLOW === '1' && canInstall()
const built = join(root, '.site', 'dist')

// Dead links and text that the site would evaluate end the build with an error.
describeWhere(isWanted, 'the documentation site (ARCHLOOM_SLOW=1, needs a package registry)', () => {
  beforeAll(() => void run('npm', ['run', 'docs'], root), 900_000)

  it('has a page for every guide and every README of a plugin', () => {
    const textOf = (path: string) => readFileSync(join(built, path), 'utf8')
    for (const name of readdirSync(join(root, 'docs')).filter((file) => file.endsWith('.md'))) {
      const [, title = ''] = /^# (.*)$/m.exec(readFileSync(join(root, 'docs', name), 'utf8')) ?? []
      expect(textOf(`docs/${name.replace('.md', '.html')}`), name).toContain(title.replaceAll('`', ''))
    }
    expect(textOf('plugins/tpe/index.html')).toContain('startup')
    expect(textOf('index.html')).not.toContain('{{')
  })

  it('has a page of the API reference for what the package exports', () => {
    const names = readdirSync(join(built, 'api', 'functions'))
    expect(names).toEqual(expect.arrayContaining(['core.createSearch.html', 'plugins_fit.fit.html']))
  })
})
