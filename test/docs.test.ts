// Everything that README.md and the pages of docs/ show is checked here: programs marked as complete run, all other
// TypeScript compiles, and links, files, commands and flags exist.
import { execFileSync } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { eventTypes, type Search } from 'archloom'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { main } from '../core/cli/main.ts'
import { benchNames, experimentNames } from '../core/cli/names.ts'

const root = resolve(import.meta.dirname, '..')
const pages = [
  'README.md',
  ...readdirSync(join(root, 'docs'))
    .filter((file) => file.endsWith('.md'))
    .map((file) => `docs/${file}`),
]

interface Block {
  readonly page: string
  readonly language: string
  readonly text: string
  /** Name of the file that a reader saves it as, of programs that are complete: `<!-- run NAME.ts -->` stands before them. */
  readonly file: string | undefined
  readonly line: number
}

const FENCE = /^(?:<!-- (?:run ([\w.-]+)|(quickstart)) -->\n)?```(\w*)\n([\s\S]*?)^```$/gm

function blocksOf(page: string): readonly Block[] {
  const source = readFileSync(join(root, page), 'utf8')
  return [...source.matchAll(FENCE)].map(({ index, 1: run, 2: quickstart, 3: language = '', 4: text = '' }) => ({
    page,
    language,
    text,
    file: run ?? (quickstart && 'quickstart.ts'),
    line: source.slice(0, index).split('\n').length,
  }))
}

const blocks = pages.flatMap(blocksOf)
const programs = blocks.filter(({ language }) => language === 'ts')

/** Complete programs run with less of everything. */
const smaller: readonly (readonly [RegExp, string])[] = [
  [/maxTrials: \d+/g, 'maxTrials: 2'],
  [/epochs: \d+/g, 'epochs: 1'],
  [/\btrain: [\d_]+/g, 'train: 64'],
  [/\b(validation|test): [\d_]+/g, '$1: 32'],
]

/** A program that exports a search is run as `archloom run` runs it. */
interface Program {
  readonly search?: (options: object) => Search
  readonly conclude?: (options: object) => Promise<object>
}

async function execute(path: string): Promise<void> {
  const { search, conclude } = (await import(pathToFileURL(path).href)) as Program
  if (!search) return
  const signal = new AbortController().signal
  const log = () => {}
  await using composed = search({ log, status: log, signal })
  const failures: string[] = []
  composed.on('trial.failed', ({ message }) => failures.push(message))
  const { completed } = await composed.finish()
  expect(failures).toEqual([])
  expect(completed).toBeGreaterThan(0)
  await conclude?.({ search: composed, log, status: log, signal })
}

/** What a command prints on its standard output. */
async function printed(...args: string[]): Promise<string> {
  let text = ''
  const write = (piece: string) => {
    text += piece
    return true
  }
  await main(args, { stdout: { write }, stderr: { write } })
  return text
}

/** What "files" of package.json brings to users, among what pages name. */
const shipped =
  /^(?:core\/ERRORS\.md|docs\/[\w-]+\.md|examples\/.+|(?:evaluators|plugins|search-spaces)\/[\w-]+\/[\w-]+\.md)$/

const sourceOf = (page: string) => readFileSync(join(root, page), 'utf8')
const prose = (page: string) => sourceOf(page).replace(FENCE, '')
const slug = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replace(/\s/g, '-')
const headings = (page: string) => [...prose(page).matchAll(/^#+ (.*)$/gm)].map(([, heading]) => slug(heading!))

/** Lines of shells, without comments. */
const lines = blocks
  .filter(({ language }) => language === 'sh')
  .flatMap(({ page, text }) => text.split('\n').map((line) => ({ page, line: line.replace(/(^|\s)#.*$/, '') })))

describe('the documentation', () => {
  let folder: string
  const fileOf = ({ page, file, line }: Block) =>
    join(folder, basename(page, '.md'), file ?? `block-at-line-${line}.ts`)

  beforeAll(() => {
    // Inside the checkout, so that `archloom` is found as it is in a project that has installed it.
    folder = mkdtempSync(join(root, '.docs-'))
    copyFileSync(join(root, 'docs/elided.d.ts'), join(folder, 'elided.d.ts'))
    for (const block of programs) {
      mkdirSync(dirname(fileOf(block)), { recursive: true })
      const isModule = /^(import|export) /m.test(block.text)
      writeFileSync(fileOf(block), isModule ? block.text : `${block.text}\nexport {}\n`)
    }
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it('shows TypeScript that compiles', { timeout: 300_000 }, () => {
    const compilerOptions = { rootDir: '..' }
    const files = ['elided.d.ts', ...programs.map((block) => fileOf(block))]
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({ extends: '../tsconfig.json', compilerOptions, files, include: [] }),
    )
    const tsc = join(root, 'node_modules/typescript/bin/tsc')
    const compile = () => execFileSync(process.execPath, [tsc, '-p', folder, '--pretty', 'false'], { encoding: 'utf8' })
    expect(programs.length).toBeGreaterThan(10)
    let faults = ''
    try {
      compile()
    } catch (thrown) {
      faults = (thrown as { stdout: string }).stdout
    }
    expect(faults).toBe('')
  })

  it.each(
    programs.filter(({ file }) => file !== undefined).map((block) => [`${block.page}: ${block.file}`, block] as const),
  )('%s runs', { timeout: 180_000 }, async (_, block) => {
    const path = fileOf(block)
    const small = smaller.reduce((text, [pattern, replacement]) => text.replace(pattern, replacement), block.text)
    writeFileSync(path, small)
    const before = process.cwd()
    const log = vi.spyOn(console, 'log').mockImplementation(() => {})
    process.chdir(dirname(path))
    try {
      await execute(path)
    } finally {
      process.chdir(before)
      log.mockRestore()
    }
  })

  it('shows JSON that parses', () => {
    for (const { language, text, page } of blocks)
      if (language === 'json') expect(() => JSON.parse(text), page).not.toThrow()
  })

  it.each(pages)('%s links to pages and sections that exist', (page) => {
    for (const [, target = ''] of prose(page).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue
      const [path = '', section] = target.split('#')
      const place = path === '' ? page : join(dirname(page), path)
      expect(existsSync(join(root, place)), `${page} links to ${target}`).toBe(true)
      if (section !== undefined) expect(headings(place), `${page} links to ${target}`).toContain(section)
    }
  })

  it.each(pages)('%s names files that exist', (page) => {
    const named = /`((?:core|docs|evaluators|examples|plugins|search-spaces|test)\/[\w./-]+\.(?:ts|md|json))`/g
    for (const [, path = ''] of sourceOf(page).matchAll(named)) {
      expect(existsSync(join(root, path)), path).toBe(true)
      expect(path, 'a file that the package ships').toMatch(shipped)
    }
  })

  it('links every page from README.md', () => {
    for (const page of pages.slice(1)) expect(sourceOf('README.md')).toContain(`](${page})`)
  })

  it('describes every command, event, paper and contract suite', async () => {
    const missing = (page: string, names: readonly string[]) =>
      names.filter((name) => !sourceOf(`docs/${page}.md`).includes(name))
    const commands = [...(await printed('--help')).matchAll(/^ {2}([a-z][a-z-]*) /gm)].map(([, name]) => name!)
    const suites = Object.keys(await import('archloom/testing')).filter((name) => name.endsWith('Contract'))
    const lacks = [
      ...missing(
        'command-line',
        commands.filter((name) => name !== 'help').map((name) => `npx archloom ${name}`),
      ),
      ...missing(
        'events-and-studies',
        eventTypes.map((type) => `\`${type}\``),
      ),
      ...missing(
        'reproduce',
        experimentNames().map((paper) => `| \`${paper}\` |`),
      ),
      ...missing('plugins', suites),
    ]
    expect(lacks).toEqual([])
  })

  it('keeps README.md short', () => {
    expect(sourceOf('README.md').trimEnd().split('\n').length).toBeLessThanOrEqual(150)
  })

  it('names commands, flags, benchmarks and papers that exist', async () => {
    const commands = [...(await printed('--help')).matchAll(/^ {2}([a-z][a-z-]*) /gm)].map(([, name]) => name)
    expect(commands).toContain('run')
    for (const page of pages)
      for (const [whole, name] of sourceOf(page).matchAll(/npx archloom ([a-z][\w-]*)/g))
        expect(commands, `${page}: ${whole}`).toContain(name)
    for (const { page, line } of lines) {
      const [, name = '', rest = ''] = /npx archloom ([a-z][\w-]*)(.*)/.exec(line) ?? []
      // The module of a run has flags of its own.
      if (name === '' || name === 'run' || name === 'resume') continue
      const help = await printed(name, '--help')
      for (const [flag] of rest.matchAll(/--[a-z][a-z-]*/g)) expect(help, `${page}: ${line}`).toContain(flag)
    }
    for (const page of pages) {
      for (const [whole, name] of sourceOf(page).matchAll(/npm run bench -- ([a-z][\w-]*)/g))
        expect(benchNames(), `${page}: ${whole}`).toContain(name)
      for (const [whole, name] of sourceOf(page).matchAll(/npx archloom reproduce ([a-z][\w-]*)/g))
        expect(experimentNames(), `${page}: ${whole}`).toContain(name)
    }
  })
})
