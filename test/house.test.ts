import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, expect, it } from 'vitest'

const listed = (...patterns: string[]) =>
  execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '--deduplicate', '--', ...patterns], {
    encoding: 'utf8',
  })
    .split('\n')
    .filter((file) => file.endsWith('.ts') || file.endsWith('.mjs'))
const rooms = ['core', 'search-spaces', 'evaluators', 'plugins', 'examples']
const files = listed(...rooms)

interface Import {
  readonly file: string
  readonly target: string
  readonly typeOnly: boolean
}

/** Every static import and re-export, and every dynamic import of a literal, with our own files resolved to paths. */
function importsOf(file: string): Import[] {
  // Template texts (generated code) hold imports that are not this file's.
  const source = readFileSync(file, 'utf8').replace(/`(?:\\.|[^`\\])*`/g, '``')
  const found: Import[] = []
  const statement =
    /^\s*(?:import|export)\s+(type\s+)?(?:[\w*{][^'"]*?\sfrom\s+)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/gm
  for (const [, type, fixed, dynamic] of source.matchAll(statement)) {
    const specifier = (fixed ?? dynamic) as string
    const target = specifier.startsWith('.') ? normalize(join(dirname(file), specifier)) : specifier
    found.push({ file, target, typeOnly: type !== undefined })
  }
  return found
}

const imports = files.flatMap(importsOf)
const starts =
  (...prefixes: string[]) =>
  (target: string) =>
    prefixes.some((prefix) => target === prefix || target.startsWith(prefix))
const builtin = starts('node:')
const tfjs = starts('@tensorflow/')
/** Writing of files, whole or not at all, and packages that may be absent: for every room that knows Node. */
const nodeHelpers = ['core/node/files.ts', 'core/node/optional-package.ts']
/** What stores are made of: for plugins that keep studies. */
const stores = 'core/node/stores.ts'
const door = starts(
  'core/index.ts',
  'core/tensor/index.ts',
  'core/policy/index.ts',
  // Shared by the analysis of studies and by controllers; not public.
  'core/policy/regression-tree.ts',
  'core/reproduction.ts',
  'core/testing/index.ts',
  ...nodeHelpers,
  stores,
)
const contracts = starts(
  'core/controller.ts',
  'core/evaluator.ts',
  'core/scheduler.ts',
  'core/trainer.ts',
  'core/paper.ts',
)
/** The lowest floor imports nothing of ours beside itself: any room may stand on it without going through a door. */
const floor = starts(
  'core/errors.ts',
  'core/nesting.ts',
  'core/random.ts',
  'core/clock.ts',
  'core/version.ts',
  'core/options/index.ts',
)

interface Row {
  readonly room: RegExp
  /** What a file there may import; `types` what it may import types of. */
  readonly may: (target: string, file: string) => boolean
  readonly types?: (target: string, file: string) => boolean
}

const sameFolder = (depth: number) => (target: string, file: string) =>
  target.split('/').slice(0, depth).join('/') === file.split('/').slice(0, depth).join('/')
const outside = (target: string) =>
  !rooms.some((room) => target.startsWith(`${room}/`)) && !target.startsWith('archloom') && !target.startsWith('.')
const pure = (target: string) =>
  outside(target) && !tfjs(target) && !starts('rxjs', 'inversify', 'reflect-metadata', 'eventemitter3')(target)

/** The first row whose room matches a file is the file's; the table is that of ARCHITECTURE.md. */
const table: readonly Row[] = [
  { room: /^core\/(errors|nesting|random|clock|version|paper|reproduction)\.ts$/, may: () => false },
  // What users import of the two libraries, as the package has them.
  { room: /^core\/(tf|rxjs)\.ts$/, may: starts('@tensorflow/tfjs-core', 'rxjs') },
  // Portable, and below space and trial: nothing but the table of errors.
  { room: /^core\/options\//, may: starts('core/errors.ts', 'core/options/') },
  {
    room: /^core\/(controller|evaluator|scheduler|trainer)\.ts$/,
    may: (t, f) => f === 'core/scheduler.ts' && t === 'core/random.ts',
    types: (t) => floor(t) || contracts(t) || tfjs(t) || starts('core/space/', 'core/trial/objective.ts')(t),
  },
  {
    room: /^core\/space\//,
    may: (t) => floor(t) || starts('core/space/', 'core/options/', '@noble/hashes/')(t),
    types: contracts,
  },
  { room: /^core\/trial\//, may: (t) => floor(t) || starts('core/space/', 'core/trial/')(t), types: contracts },
  { room: /^core\/platform\.ts$/, may: () => false },
  // The only room of the core that knows Node, besides the command line and the tensor room.
  {
    room: /^core\/node\//,
    may: (t) => floor(t) || builtin(t) || starts('core/trial/', 'core/study/', 'core/node/')(t),
  },
  {
    room: /^core\/tensor\//,
    may: (t) =>
      floor(t) ||
      builtin(t) ||
      pure(t) ||
      tfjs(t) ||
      starts('core/tensor/', ...nodeHelpers)(t) ||
      /^archloom\/plugins\//.test(t),
    types: contracts,
  },
  {
    room: /^core\/policy\//,
    may: (t) =>
      floor(t) ||
      builtin(t) ||
      tfjs(t) ||
      starts('core/space/', 'core/policy/', 'core/tensor/', 'core/trial/objective.ts')(t),
    types: contracts,
  },
  {
    room: /^core\/study\//,
    may: (t) => floor(t) || t === '#platform' || starts('core/space/', 'core/trial/', 'core/study/')(t),
    types: contracts,
  },
  {
    // Portable, like what it looks at.
    room: /^core\/analysis\//,
    may: (t) =>
      floor(t) ||
      starts('core/space/', 'core/trial/', 'core/study/', 'core/analysis/')(t) ||
      starts('core/policy/pareto.ts', 'core/policy/normal.ts', 'core/policy/regression-tree.ts')(t),
    types: contracts,
  },
  {
    room: /^core\/search\//,
    may: (t) =>
      floor(t) ||
      t === '#platform' ||
      starts('core/options/', 'core/space/', 'core/trial/', 'core/study/', 'core/search/', 'rxjs', 'eventemitter3')(t),
    types: contracts,
  },
  {
    // Portable and free of tensors; what trains shared weights lives in evaluators/weight-sharing.
    room: /^core\/one-shot\//,
    may: (t) =>
      floor(t) || t === '#platform' || starts('core/space/', 'core/trial/', 'core/search/', 'core/one-shot/')(t),
    types: contracts,
  },
  {
    room: /^core\/composition\//,
    may: (t) =>
      (starts('core/')(t) && !starts('core/node/', 'core/cli/')(t)) ||
      starts('#platform', '#inversify', 'inversify', 'reflect-metadata', 'rxjs')(t),
  },
  { room: /^core\/(cli|testing)\//, may: (t) => starts('core/')(t) || outside(t) || /^archloom\b/.test(t) },
  { room: /^core\/index\.ts$/, may: starts('core/') },
  {
    room: /^search-spaces\/[^/]+\/space\.ts$/,
    may: (t, f) =>
      floor(t) || starts('core/space/', 'core/index.ts', 'search-spaces/errors.ts')(t) || sameFolder(2)(t, f),
    types: contracts,
  },
  {
    room: /^search-spaces\//,
    may: (t, f) =>
      door(t) ||
      floor(t) ||
      starts('core/space/')(t) ||
      tfjs(t) ||
      builtin(t) ||
      starts('search-spaces/operations/', 'search-spaces/errors.ts', 'search-spaces/network-space.ts')(t) ||
      sameFolder(2)(t, f),
    types: contracts,
  },
  {
    room: /^evaluators\//,
    may: (t) => door(t) || floor(t) || tfjs(t) || builtin(t) || pure(t) || starts('evaluators/')(t),
    types: (t) => contracts(t) || starts('core/space/')(t),
  },
  {
    // Engines extend the tensor room: they build on its fill-ins and gradients.
    room: /^plugins\/(onnxruntime|webgpu|tensorflow)\//,
    may: (t, f) => floor(t) || tfjs(t) || outside(t) || starts('core/tensor/')(t) || sameFolder(2)(t, f),
    types: contracts,
  },
  {
    // One call over several plugins: it stands above them, through their doors, and no plugin may import it.
    room: /^plugins\/compress\//,
    may: (t, f) =>
      door(t) ||
      floor(t) ||
      tfjs(t) ||
      outside(t) ||
      starts('search-spaces/', 'evaluators/')(t) ||
      /^plugins\/(abs|cacp|onnx)\/index\.ts$/.test(t) ||
      sameFolder(2)(t, f),
    types: contracts,
  },
  {
    // From data to a model: the composition that stands on searches, exporters and compression through their doors.
    room: /^plugins\/fit\//,
    may: (t, f) =>
      door(t) ||
      floor(t) ||
      tfjs(t) ||
      outside(t) ||
      starts('search-spaces/', 'evaluators/', 'core/trainer.ts')(t) ||
      /^plugins\/(tpe|asha|evolution|random|compress|onnx)\/index\.ts$/.test(t) ||
      sameFolder(2)(t, f),
    types: (t) => contracts(t) || starts('core/space/')(t),
  },
  {
    room: /^plugins\//,
    may: (t, f) =>
      door(t) ||
      floor(t) ||
      tfjs(t) ||
      outside(t) ||
      starts('search-spaces/', 'evaluators/', 'core/analysis/index.ts')(t) ||
      sameFolder(2)(t, f),
    // An engine states its definition's type without loading the whole tensor room.
    types: (t) => contracts(t) || starts('core/space/', 'core/tensor/engine.ts')(t),
  },
  { room: /^examples\//, may: (t) => starts('archloom')(t) || outside(t) || starts('examples/')(t) },
]

describe('the house', () => {
  it('was read completely', () => {
    expect(files.length).toBeGreaterThan(60)
    const read = new Set(imports.map(({ file }) => file))
    // Files without any import are few: tables and the lowest rooms.
    expect(read.size).toBeGreaterThan(files.length * 0.8)
    expect(imports.length).toBeGreaterThan(files.length * 2)
    for (const file of files)
      expect(
        table.some(({ room }) => room.test(file)),
        `${file} stands in no room`,
      ).toBe(true)
  })

  it.each(table.map((row) => [row.room.source, row] as const))('%s imports only what its row allows', (_, row) => {
    const first = (file: string) => table.find(({ room }) => room.test(file))
    const wrong = imports
      .filter(({ file }) => first(file) === row)
      .filter(({ file, target, typeOnly }) => !row.may(target, file) && !(typeOnly && row.types?.(target, file)))
      .map(({ file, target }) => `${file} → ${target}`)
    expect(wrong).toEqual([])
  })

  it('finds a planted wrong import', () => {
    const row = table.find(({ room }) => room.test('core/space/space.ts')) as Row
    expect(row.may('@tensorflow/tfjs-core', 'core/space/space.ts')).toBe(false)
    expect(row.may('core/search/run.ts', 'core/space/space.ts')).toBe(false)
    expect(row.may('node:fs', 'core/space/space.ts')).toBe(false)
    const declared = table.find(({ room }) => room.test('core/options/option.ts')) as Row
    expect(declared.may('node:util', 'core/options/option.ts')).toBe(false)
    expect(declared.may('core/space/space.ts', 'core/options/option.ts')).toBe(false)
    const plugin = table.find(({ room }) => room.test('plugins/evolution/index.ts')) as Row
    expect(plugin.may('plugins/random/index.ts', 'plugins/evolution/index.ts')).toBe(false)
    expect(plugin.may('core/search/run.ts', 'plugins/evolution/index.ts')).toBe(false)
  })

  it('inversify is named nowhere but in composition', () => {
    expect(
      imports.filter(({ file, target }) => target === 'inversify' && !file.startsWith('core/composition/')),
    ).toEqual([])
  })

  it('has no room or file called after nothing', () => {
    const banned = /(^|\/)(utils?|common|shared|helpers?|managers?|misc)(\/|\.|-|$)/
    expect(files.filter((file) => banned.test(file))).toEqual([])
  })

  it('spreads no object literal only to keep its keys on one line', () => {
    const steering = /^ *\.\.\.\{[^}]*\},?$/m
    expect([...files, ...listed('test')].filter((file) => steering.test(readFileSync(file, 'utf8')))).toEqual([])
  })
})

/** The one file that may skip suites and read ARCHLOOM_DATA; it does not call the bodies of skipped suites. */
const conditional = 'test/conditional-suites.ts'
const testFiles = listed('test').filter((file) => file !== conditional && file !== 'test/house.test.ts')

it('suites that may be skipped are declared where their body is not called', () => {
  const calledAnyway = /\b(?:describe|suite)(?:\.\w+)*\.(?:skipIf|runIf|skip)\b/
  expect(testFiles.filter((file) => calledAnyway.test(readFileSync(file, 'utf8')))).toEqual([])
})

it('tests find public data through one file, by which .ci/run knows which of them to run with the data', () => {
  const reads = /process\.env(?:\.|\[['"])ARCHLOOM_DATA|shared\/data/
  const files = testFiles.filter((file) => file.endsWith('.test.ts'))
  expect(files.filter((file) => reads.test(readFileSync(file, 'utf8')))).toEqual([])
})

it('image files are opened in one place, within limits, and resized by our own function', () => {
  const opening = ['evaluators/data/images/open.ts', 'evaluators/data/images/files.ts', 'core/cli/report/pictures.ts']
  const uses = imports.filter(({ target, typeOnly }) => target === 'sharp' && !typeOnly).map(({ file }) => file)
  expect([...new Set(uses)].filter((file) => !opening.includes(file))).toEqual([])
  // sharp enlarges half a pixel off centre.
  expect(opening.filter((file) => /\.resize\(/.test(readFileSync(file, 'utf8')))).toEqual([])
})

it('whatever is unpacked in one go has a limit', () => {
  const unlimited = /\b(?:gunzip|inflate|inflateRaw|unzip|brotliDecompress)(?:Sync)?\((?![^()]*maxOutputLength)/
  expect(files.filter((file) => unlimited.test(readFileSync(file, 'utf8')))).toEqual([])
})

it('files that replace others are written by one function, which a full disk does not make destroy them', () => {
  // Locks, scratch folders, resumed downloads and files that only grow, which replace nothing.
  const own = [
    'core/node/files.ts',
    'core/node/journal.ts',
    'core/node/lock.ts',
    'core/cli/medium/runner.ts',
    'evaluators/data/archive.ts',
    'plugins/optuna-journal/journal-file.ts',
    'plugins/tensorboard/index.ts',
    'plugins/tensorflow/from-wheel.ts',
  ]
  const writes = /\b(?:fs\.)?(?:writeFile|appendFile|writeSync|writeFileSync|appendFileSync)\(|\.toFile\(/
  const source = files.filter((file) => !file.startsWith('examples/') && !own.includes(file))
  expect(source.filter((file) => writes.test(readFileSync(file, 'utf8')))).toEqual([])
})
