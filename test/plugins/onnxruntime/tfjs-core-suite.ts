/** Bundles tfjs-core's own specs with an engine and runs them in a child process with jasmine. */
import { execFile } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const root = resolve(import.meta.dirname, '../../..')
const folder = join(root, '.cache', 'tfjs-core-suite')
const require = createRequire(import.meta.url)

export interface SuiteReport {
  readonly specs: number
  readonly failed: readonly { readonly name: string; readonly message: string }[]
}

/** @param register a statement that registers the tfjs backend of this name. */
export async function runSuite(backendName: string, register: string): Promise<SuiteReport> {
  mkdirSync(folder, { recursive: true })
  const path = (name: string) => join(folder, `${backendName}-${name}`)
  // Imports are hoisted: the engine must be registered in a module imported before the specs.
  writeFileSync(
    path('engine.ts'),
    `${register}
     import { setTestEnvs } from '@tensorflow/tfjs-core/dist/jasmine_util'
     setTestEnvs([{ name: '${backendName}', backendName: '${backendName}', flags: {} }])`,
  )
  writeFileSync(
    path('entry.ts'),
    `import './${backendName}-engine.ts'
     import '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops'
     import '@tensorflow/tfjs-core/dist/register_all_gradients'
     import '@tensorflow/tfjs-core/dist/tests'`,
  )
  await build({
    entryPoints: [path('entry.ts')],
    outfile: path('bundle.cjs'),
    bundle: true,
    platform: 'node',
    format: 'cjs',
    mainFields: ['module', 'main'],
    conditions: ['archloom-source'],
    // Without it the specs are dropped as free of side effects.
    ignoreAnnotations: true,
    external: ['jasmine', 'jasmine-core'],
    define: { 'import.meta.url': JSON.stringify(pathToFileURL(join(root, 'package.json')).href) },
    logLevel: 'error',
  })
  writeFileSync(
    path('run.cjs'),
    `const Jasmine = require(${JSON.stringify(require.resolve('jasmine'))})
     const jasmine = new Jasmine()
     jasmine.loadConfig({ spec_files: [], random: false })
     jasmine.clearReporters()
     let specs = 0
     const failed = []
     jasmine.addReporter({
       specDone: (spec) => {
         if (spec.status !== 'excluded') specs++
         if (spec.status === 'failed') failed.push({ name: spec.fullName, message: spec.failedExpectations[0].message })
       },
       jasmineDone: () => require('fs').writeFileSync(${JSON.stringify(path('report.json'))}, JSON.stringify({ specs, failed })),
     })
     jasmine.exitOnCompletion = false
     require(${JSON.stringify(path('bundle.cjs'))})
     jasmine.execute().then(() => process.exit(0))`,
  )
  await new Promise<void>((done, fail) => {
    execFile(process.execPath, [path('run.cjs')], { maxBuffer: 1 << 28 }, (thrown, _out, err) =>
      thrown ? fail(new Error(err.slice(-2000), { cause: thrown })) : done(),
    )
  })
  return require(path('report.json')) as SuiteReport
}
