import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { archloom } from './terminal.ts'

const module = (name: string) => fileURLToPath(new URL(`./modules/${name}.ts`, import.meta.url))
let directory: string
const here = () => ['--directory', directory]

beforeAll(() => {
  // Inside the package, so that exported code finds it.
  mkdirSync('.cache', { recursive: true })
  directory = mkdtempSync(resolve('.cache', 'cli-'))
})
afterAll(() => rmSync(directory, { recursive: true }))

describe('run and resume', () => {
  it('runs a search, shows the best, draws it, and says how to continue', async () => {
    const { code, stdout, stderr } = await archloom('run', module('digits'), '--study', 'first', ...here())
    expect(code).toBe(0)
    expect(stdout).toContain('composing')
    expect(stdout).toMatch(/#\s+trial\s+value/)
    expect(stdout).toMatch(/<[012]{4}>/)
    expect(stdout).toContain('1 of 9 trials failed; the last one (trial 1): ARCHLOOM_EVALUATION_THREW')
    expect(stdout).toContain('best value so far, trials 0 to 8')
    expect(stdout).toMatch(/resume {3}npx archloom resume .*first/)
    expect(stderr).toContain('trial 9/9  best value')
    for (const file of ['progress.svg', 'progress.png', 'cell.svg', 'cell.png', 'journal.jsonl'])
      expect(existsSync(join(directory, 'first', file)), file).toBe(true)
  })

  it('prints one JSON object last, and nothing else on stdout', async () => {
    const args = ['run', module('digits'), '--trials', '5', '--top=2', '--json', '--study', 'json', ...here()]
    const { code, stdout, json } = await archloom(...args)
    expect(code).toBe(0)
    expect(stdout.trimEnd().split('\n')).toHaveLength(1)
    expect(json).toMatchObject({
      study: join(directory, 'json'),
      status: 'finished',
      trials: 5,
      failed: 1,
      testAccuracy: 0.5,
    })
    expect(json.best).toHaveLength(2)
    const [best] = json.best
    expect(best.metrics.value).toBe(best.architecture.digit.reduce((a: number, b: number) => a + b, 0))
    expect(best.genotype).toBe(best.architecture.digit.join(''))
  })

  it('keeps a study in another storage through every command', async () => {
    const storage = ['--storage', `sqlite:${join(directory, 'studies.db')}`]
    const location = `sqlite:${join(directory, 'studies.db')}#elsewhere`
    const first = await archloom('run', module('digits'), '--trials', '4', '--study', 'elsewhere', ...storage)
    expect(first.code, first.stderr).toBe(0)
    expect(first.stdout).toContain(`npx archloom resume elsewhere --storage 'sqlite:`)
    const { json, code } = await archloom('resume', 'elsewhere', '--trials', '6', '--json', ...storage)
    expect(code).toBe(0)
    expect(json).toMatchObject({ study: location, trials: 6, status: 'finished' })
    expect((await archloom('ls', '--json', ...storage)).json.studies).toMatchObject([
      { study: 'elsewhere', path: location, status: 'finished', trials: 6 },
    ])
    expect((await archloom('show', 'elsewhere', '--json', ...storage)).json).toMatchObject({ trials: 6 })
    expect((await archloom('export', 'elsewhere', '--json', ...storage)).json.best.length).toBeGreaterThan(0)
    const html = join(directory, 'elsewhere.html')
    expect((await archloom('report', 'elsewhere', '--out', html, ...storage)).code).toBe(0)
    expect(readFileSync(html, 'utf8')).toContain('elsewhere')
    expect((await archloom('resume', 'lost', ...storage)).stderr).toContain('ARCHLOOM_STUDY_NOT_FOUND')
    expect((await archloom('rm', 'elsewhere', '--json', ...storage)).json).toEqual({ deleted: ['elsewhere'] })
    expect((await archloom('ls', '--json', ...storage)).json.studies).toEqual([])
    expect((await archloom('ls', '--storage', 'nosuch:x')).stderr).toContain('ARCHLOOM_STORAGE_UNKNOWN')
  })

  it('keeps a study without a name where --storage says', async () => {
    const storage = ['--storage', `sqlite:${join(directory, 'unnamed.db')}`]
    const first = await archloom('run', module('digits'), '--trials', '4', '--json', ...storage)
    expect(first.json.study).toMatch(/^sqlite:.*unnamed\.db#/)
    const second = await archloom('run', module('digits'), '--trials', '4', '--json', ...storage)
    expect(second.json.study).not.toBe(first.json.study)
    expect((await archloom('ls', '--json', ...storage)).json.studies).toHaveLength(2)
  })

  it('deletes studies by name and by path', async () => {
    for (const study of ['one', 'two'])
      await archloom('run', module('digits'), '--trials', '2', '--study', study, ...here())
    expect((await archloom('rm', 'one', join(directory, 'two'), ...here())).code).toBe(0)
    expect(existsSync(join(directory, 'one'))).toBe(false)
    expect(existsSync(join(directory, 'two'))).toBe(false)
    expect((await archloom('rm', 'one', ...here())).stderr).toContain('ARCHLOOM_STUDY_NOT_FOUND')
  })

  it('resumes with the recorded module and flags, and with new ones', async () => {
    await archloom('run', module('digits'), '--trials', '4', '--order', 'down', '--study', 'longer', ...here())
    expect((await archloom('resume', 'longer', '--json', ...here())).json.trials).toBe(4)
    const { json, code } = await archloom('resume', 'longer', '--trials', '7', '--json', ...here())
    expect(code).toBe(0)
    expect(json).toMatchObject({ study: join(directory, 'longer'), trials: 7 })
    const values = json.best.map((trial: { metrics: { value: number } }) => trial.metrics.value)
    expect(values).toEqual([...values].sort((a, b) => a - b))
  })

  it('describes the flags of a module', async () => {
    const { code, stdout } = await archloom('run', module('digits'), '--help')
    expect(code).toBe(0)
    expect(stdout).toContain('--trial-ms <n>')
    expect(stdout).toContain('--order <up|down>')
    expect(stdout).toContain('Usage: archloom run')
  })

  it('exports a whole study in the form of a plugin', async () => {
    await archloom('run', module('digits'), '--trials', '3', '--study', 'whole', ...here())
    const out = join(directory, 'optuna.log')
    const { code, json } = await archloom(
      'export',
      'whole',
      '--as',
      'optuna-journal',
      '--out',
      out,
      '--json',
      ...here(),
    )
    expect(code).toBe(0)
    expect(json).toEqual({ study: join(directory, 'whole'), as: 'optuna-journal', out, trials: 3, files: 1 })
    const text = readFileSync(out, 'utf8')
    expect(text.split('\n')[0]).toContain('"op_code":0,"study_name":"whole","directions":[2]')
    const printed = await archloom('export', 'whole', '--as', 'optuna-journal', ...here())
    expect(printed.stdout).toBe(text)
    const nowhere = await archloom('export', 'whole', '--as', 'optuna-journal', '--json', ...here())
    expect(nowhere.code).toBe(1)
    expect(nowhere.stderr).toMatch(/^ARCHLOOM_EXPORT_OUT: --as optuna-journal without --out/)
  })

  it('writes a report that loads and runs nothing, with its figures beside it', async () => {
    await archloom('run', module('digits'), '--trials', '6', '--study', 'told', ...here())
    const out = join(directory, 'told.html')
    const { code, json } = await archloom('report', 'told', '--out', out, '--json', ...here())
    expect(code).toBe(0)
    expect(json.files[0]).toBe(out)
    expect(json.files).toContain(join(directory, 'told-progress.svg'))
    for (const file of json.files) expect(existsSync(file), file).toBe(true)
    expect(readFileSync(out, 'utf8')).toContain('ARCHLOOM_EVALUATION_THREW')
  })

  it('prints an object for errors too with --json', async () => {
    const missing = await archloom('show', 'nowhere', '--json', ...here())
    expect(missing.code).toBe(1)
    expect(missing.json).toEqual({
      error: { code: 'ARCHLOOM_STUDY_NOT_FOUND', message: expect.stringMatching(/^ARCHLOOM_STUDY_NOT_FOUND: /) },
    })
    const misused = await archloom('show', 'x', '--json', '--top', 'many')
    expect(misused.code).toBe(2)
    expect(misused.json.error).toMatchObject({ code: 'ARCHLOOM_USAGE', message: expect.stringContaining('--top') })
  })

  it('ends with 1 when no trial succeeded', async () => {
    const args = ['run', module('failing'), '--study', 'all-failed', '--json', ...here()]
    const { code, json } = await archloom(...args)
    expect(code).toBe(1)
    expect(json).toMatchObject({ trials: 2, failed: 2, best: [] })
    const { code: exported, stderr } = await archloom('export', 'all-failed', ...here())
    expect(exported).toBe(1)
    expect(stderr).toMatch(/^ARCHLOOM_EXPORT_NOTHING: .*0 completed, 2 failed/)
  })
})

describe('the name of a study', () => {
  it.each(['..', '../outside', '../../outside', '/tmp/archloom-outside', 'a/../../outside', '.'])(
    'never leaves the folder of studies: %s',
    async (name) => {
      const folder = join(directory, 'within')
      const args = ['run', module('digits'), '--trials', '1', '--study', name, '--directory', folder, '--json']
      const { code, stderr } = await archloom(...args)
      expect(code).toBe(1)
      expect(stderr).toMatch(/^ARCHLOOM_STUDY_NAME: .*cannot be the name of a study/m)
      for (const outside of [join(directory, 'outside'), resolve('outside'), '/tmp/archloom-outside', folder])
        expect(existsSync(outside), outside).toBe(false)
      expect(existsSync(join(directory, 'journal.jsonl'))).toBe(false)
    },
  )
})

describe('mistakes', () => {
  const mistakes: [why: string, code: number, says: RegExp, ...args: string[]][] = [
    ['no module', 2, /missing required argument/, 'run'],
    ['an unknown command', 2, /unknown command 'shw'/, 'shw'],
    ['an unknown option', 2, /unknown option '--tip'/, 'ls', '--tip'],
    [
      'a choice that is none',
      2,
      /Allowed choices are data, code, instance, .*optuna-journal/,
      'export',
      'x',
      '--as',
      'onnx',
    ],
    ['a choice that is nearly one', 2, /Did you mean arrow\?/, 'export', 'x', '--as', 'arow'],
    [
      'two options that are missing',
      2,
      /error: missing --from <layout> \(nas-bench-101, .*naslib\) and --out <file>/,
      'table',
      'convert',
      'x',
    ],
    ['a number that is none', 2, /whole number of at least 1/, 'show', 'x', '--top', '0'],
    ['a seed that is none', 2, /Expected a number/, 'reproduce', 'x', '--seed', 'y'],
    ['a folder', 1, /^ARCHLOOM_MODULE_KIND: "core" is a folder; expected a module/, 'run', 'core'],
    [
      'a file that is no module',
      1,
      /^ARCHLOOM_MODULE_KIND: "README\.md" is a file of another type/,
      'run',
      'README.md',
    ],
    ['a device', 1, /^ARCHLOOM_MODULE_KIND: "\/dev\/null" is not a regular file/, 'run', '/dev/null'],
    ['a module that is not there', 1, /^ARCHLOOM_MODULE_NOT_FOUND: .*nowhere\.ts/, 'run', 'nowhere.ts'],
    ['a module that exports nothing', 1, /^ARCHLOOM_MODULE_EXPORTS: .*\["nothing"\]/, 'run', module('empty')],
    [
      'an unknown flag',
      2,
      /^ARCHLOOM_MODULE_FLAG_UNKNOWN: .*--tials.*--trials/,
      'run',
      module('digits'),
      '--tials',
      '3',
    ],
    [
      'a flag that is no number',
      2,
      /^ARCHLOOM_MODULE_FLAG: --trials is "x"; expected a number/,
      'run',
      module('digits'),
      '--trials',
      'x',
    ],
    ['a flag without value', 2, /^ARCHLOOM_MODULE_FLAG: --trials .* a value/, 'run', module('digits'), '--trials'],
    [
      'a flag out of its choices',
      2,
      /^ARCHLOOM_MODULE_FLAG: --order is "left"; expected one of up, down/,
      'run',
      module('digits'),
      '--order',
      'left',
    ],
    ['a study that is not there', 1, /^ARCHLOOM_STUDY_NOT_FOUND/, 'show', 'nowhere'],
    ['a benchmark that is not there', 1, /^ARCHLOOM_BENCH_UNKNOWN: .*"nothing"/, 'bench', 'nothing'],
    ['a paper without experiment', 1, /^ARCHLOOM_EXPERIMENT_UNKNOWN: plugin "random"/, 'reproduce', 'random'],
  ]
  it.each(mistakes)('%s ends with %i and says so', async (_, code, says, ...args) => {
    const result = await archloom(...args)
    expect(result.stderr).toMatch(says)
    expect(result.code).toBe(code)
    expect(result.stderr).not.toContain('    at ')
  })

  it('help names the papers and the benchmarks', async () => {
    expect((await archloom('reproduce', '--help')).stdout).toMatch(/Papers: abs, .*mbn\./)
    expect((await archloom('bench', '--help')).stdout).toMatch(/Benchmarks: .*tabular/)
  })

  it('an export that cannot be written, and a damaged record of the command', async () => {
    const out = join(directory, 'first', 'journal.jsonl', 'best.json')
    const exported = await archloom('export', 'first', '--out', out, ...here())
    expect(exported.stderr).toMatch(/^ARCHLOOM_EXPORT_NOT_WRITABLE: .*best\.json/)
    expect(exported.code).toBe(1)
    const torn = join(directory, 'torn-command')
    mkdirSync(torn)
    writeFileSync(join(torn, 'journal.jsonl'), readFileSync(join(directory, 'first', 'journal.jsonl')))
    writeFileSync(join(torn, 'command.json'), '{"mod')
    expect((await archloom('resume', torn)).stderr).toMatch(/^ARCHLOOM_RESUME_MODULE: .*command\.json/)
  })

  it('shows where with --verbose', async () => {
    expect((await archloom('run', 'nowhere.ts', '--verbose')).stderr).toMatch(/ARCHLOOM_MODULE_NOT_FOUND[\s\S]* {4}at /)
  })

  it('a study that names no module, and a module that opens another study', async () => {
    const orphan = join(directory, 'orphan')
    mkdirSync(orphan)
    writeFileSync(join(orphan, 'journal.jsonl'), readFileSync(join(directory, 'first', 'journal.jsonl')))
    expect((await archloom('resume', orphan)).stderr).toMatch(/^ARCHLOOM_RESUME_MODULE: .*--module/)
    const stubborn = await archloom('resume', orphan, '--module', module('stubborn'))
    expect(stubborn.stderr).toContain('ARCHLOOM_RESUME_OTHER_STUDY')
    expect(stubborn.code).toBe(1)
    rmSync('elsewhere', { recursive: true })
  })

  it('a damaged study neither hides the others nor passes', async () => {
    const damaged = join(directory, 'damaged')
    mkdirSync(damaged)
    writeFileSync(join(damaged, 'journal.jsonl'), 'nonsense\n')
    const { stdout, code } = await archloom('ls', ...here())
    expect(code).toBe(0)
    expect(stdout).toMatch(/damaged .*ARCHLOOM_STUDY_CORRUPT/)
    expect(stdout).toMatch(/first +finished +9 +1 +value .* digits/)
    expect((await archloom('show', damaged)).stderr).toMatch(/^ARCHLOOM_STUDY_CORRUPT: line 1/)
  })
})

describe('ls, show, export', () => {
  it('lists studies as JSON', async () => {
    const { json } = await archloom('ls', '--json', ...here())
    const first = json.studies.find(({ study }: { study: string }) => study === 'first')
    expect(first).toMatchObject({
      space: 'digits',
      status: 'finished',
      trials: 9,
      failed: 1,
      best: { metric: 'value' },
    })
    expect((await archloom('ls', '--directory', join(directory, 'none'))).stdout).toContain('no study in')
  })

  it('distinguishes a killed study from a finished one', async () => {
    const killed = join(directory, 'killed')
    mkdirSync(killed)
    const lines = readFileSync(join(directory, 'first', 'journal.jsonl'), 'utf8').split('\n')
    writeFileSync(join(killed, 'journal.jsonl'), `${lines.slice(0, 9).join('\n')}\n{"seq":`)
    expect((await archloom('show', 'killed', '--json', ...here())).json).toMatchObject({ status: 'interrupted' })
  })

  it('shows a study without its code', async () => {
    const { stdout, json } = await archloom('show', 'first', '--json', '--top', '3', ...here())
    expect(stdout.split('\n')).toHaveLength(2)
    expect(json).toMatchObject({ status: 'finished', trials: 9, failed: 1 })
    const human = await archloom('show', join(directory, 'first'), '--pictures')
    expect(human.stdout).toContain('objective  maximise value')
    expect(human.stdout).toMatch(/digit\.0 [012], digit\.1 [012]/)
  })

  it('exports data', async () => {
    const out = join(directory, 'best.json')
    const { json } = await archloom('export', 'first', '--top', '2', '--out', out, '--json', ...here())
    const written = JSON.parse(readFileSync(out, 'utf8'))
    expect(written).toMatchObject({ study: 'first', space: { name: 'digits' }, objectives: [{ metric: 'value' }] })
    expect(written.best).toEqual(json.best)
    expect(written.best).toHaveLength(2)
  })

  it('exports code that rebuilds the architectures through their space', async () => {
    const out = join(directory, 'best.ts')
    const args = ['export', 'first', '--as', 'code', '--module', module('digits'), '--out', out, ...here()]
    expect((await archloom(...args)).code).toBe(0)
    const exported = await import(out)
    const { best } = (await archloom('show', 'first', '--json', ...here())).json
    expect(exported.architectures).toEqual(best.map(({ architecture }: { architecture: unknown }) => architecture))
    expect(() => exported.build(exported.architectures[0], { input: [1], classes: 2 })).toThrow(
      'does not build networks',
    )
    expect(() => exported.build({ digit: [9] }, { input: [1], classes: 2 })).toThrow('ARCHLOOM_ARCHITECTURE_INVALID')
    const plain = await archloom('export', 'first', '--as', 'code', '--top', '1', ...here())
    expect(plain.stdout).toContain('findSearchSpace("digits")')
  })

  it('says how to get networks', async () => {
    const { stderr, code } = await archloom('export', 'first', '--as', 'instance', ...here())
    expect(stderr).toMatch(/^ARCHLOOM_EXPORT_INSTANCE: .*exportTop\(/)
    expect(code).toBe(1)
  })
})

describe('plugins', () => {
  it('lists kind, paper, needs, provides and options with their defaults', async () => {
    const { code, stdout } = await archloom('plugins', 'scheduler')
    expect(code).toBe(0)
    expect(stdout).toContain('asha (scheduler): Asynchronous successive halving.')
    expect(stdout).toContain('A System for Massively Parallel Hyperparameter Tuning (2020)')
    expect(stdout).toContain('    eta: a number above 1 [3]')
    expect(stdout).not.toContain('(controller)')
  }, 60_000)

  it('lists every folder of plugins as JSON', async () => {
    const { json } = await archloom('plugins', '--json')
    const named = (name: string) => json.plugins.find((plugin: { name: string }) => plugin.name === name)
    expect(named('enas')).toMatchObject({
      kind: 'one-shot method',
      needs: ['space', 'evaluator:weight-sharing', 'shared-weights', 'supernet'],
      provides: ['algorithm'],
      papers: [{ year: 2018 }],
    })
    expect(named('onnxruntime')).toMatchObject({ kind: 'engine' })
    expect(named('evolution').options[0]).toMatchObject({ name: 'population', required: false })
    for (const folder of readdirSync('plugins'))
      expect(named(folder), `${folder} declares no plugin of its name`).toBeDefined()
  }, 60_000)

  it('refuses an unknown kind', async () => {
    const { code, stderr } = await archloom('plugins', 'controllers')
    expect(code).toBe(2)
    expect(stderr).toContain('controller, scheduler')
  })
})

describe('misspelt flags', () => {
  it.each([
    ['ls', '--jsno', '--json'],
    ['show x', '--directry', '--directory'],
    ['plugins', '--jso', '--json'],
    ['upscale a b --model m', '--tiel', '--tile'],
    ['init', '--jsno', '--json'],
    ['new-plugin space x', '--foldr', '--folder'],
  ])('archloom %s %s is refused with %s', async (words, flag, right) => {
    const { code, stderr } = await archloom(...words.split(' '), flag)
    expect(code).toBe(2)
    expect(stderr).toContain(`Did you mean ${right}?`)
  })

  it.each(['digits', 'program'])('of archloom run are refused for the module %s', async (name) => {
    const { code, stderr } = await archloom('run', module(name), '--stduy', 'x', ...here())
    expect(code).toBe(2)
    expect(stderr).toContain('did you mean --study?')
  })

  it('of a module are refused with its own', async () => {
    const { code, stderr } = await archloom('run', module('digits'), '--trails', '3', ...here())
    expect(code).toBe(2)
    expect(stderr).toContain('did you mean --trials?')
  })
})
