import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

export const root = resolve(import.meta.dirname, '../..')
/** Runs a program and returns what it prints. */
export const run = (command: string, args: readonly string[], cwd: string): string =>
  execFileSync(command, args, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 600_000,
  })

/** Whether a package registry can be reached. */
export function canInstall(): boolean {
  try {
    run('npm', ['view', 'eventemitter3', 'version', '--prefer-offline', '--fetch-timeout=15000'], tmpdir())
    return true
  } catch {
    return false
  }
}

/** A program of a user. */
const program = `import { createSearch, defineSpace, type Infer, integer, oneOf, product } from 'archloom'
import { filter } from 'archloom/rxjs'
import * as tf from 'archloom/tf'
import { tpe } from 'archloom/plugins/tpe'

const space = product({ kind: oneOf('x', 'y'), size: integer(1, 9) })
await using search = createSearch({
  space: defineSpace('mine', space),
  evaluator: (architecture: Infer<typeof space>) => ({ accuracy: architecture.size / 9 }),
  plugins: [tpe()],
  objectives: { accuracy: 'maximise' },
  budget: { maxTrials: 5 },
})
let completed = 0
search.events$.pipe(filter(({ type }) => type === 'trial.completed')).subscribe(() => completed++)
await search.finish()
const size: number | undefined = search.best(1)[0]?.architecture.size
console.log(JSON.stringify({ completed, found: size !== undefined, tf: typeof tf.tensor }))
`

// The options that the README states as sufficient.
const tsconfig = {
  compilerOptions: {
    target: 'ES2022',
    lib: ['ES2023', 'ESNext.Disposable'],
    module: 'NodeNext',
    types: ['node'],
    strict: true,
    skipLibCheck: true,
    noEmit: true,
  },
  files: ['search.ts'],
}

/** Packs the package as it is published, and writes the project of a user beside it. Returns the name of the tarball. */
export function packInto(user: string): string {
  // A copy, so that nothing is built in or stripped from the checkout that other tests read.
  const copy = join(user, 'checkout')
  mkdirSync(copy)
  run(
    'sh',
    ['-c', `git ls-files -z | xargs -0 cp --parents -t "${copy}"; ln -s "${root}/node_modules" "${copy}"`],
    root,
  )
  run('npm', ['pack', '--ignore-scripts=false', '--pack-destination', user], copy)
  rmSync(copy, { recursive: true })
  writeUser(user)
  return readdirSync(user).find((name) => name.endsWith('.tgz'))!
}

/** The project of a user: package.json, tsconfig.json and search.ts. */
export function writeUser(user: string): void {
  writeFileSync(join(user, 'package.json'), JSON.stringify({ name: 'user', version: '1.0.0', type: 'module' }))
  writeFileSync(join(user, 'search.ts'), program)
  writeFileSync(join(user, 'tsconfig.json'), JSON.stringify(tsconfig))
}

/** Compiles and runs the program of a user; returns what it prints. */
export function runProgram(user: string): unknown {
  run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', '.', '--noEmit', 'false'], user)
  return JSON.parse(run(process.execPath, ['search.js'], user))
}
