import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeWhere } from '../conditional-suites.ts'
import { canInstall, packInto, root, run, runProgram } from './packed.ts'

describeWhere(canInstall(), 'the package as it is published (needs a package registry)', () => {
  let user: string
  let installed: string

  beforeAll(() => {
    user = mkdtempSync(join(tmpdir(), 'archloom-tarball-'))
    const tarball = packInto(user)
    run(
      'npm',
      ['install', `./${tarball}`, '@types/node@20', '--omit=optional', '--prefer-offline', '--no-audit', '--no-fund'],
      user,
    )
    installed = join(user, 'node_modules/archloom')
  }, 300_000)

  afterAll(() => rmSync(user, { recursive: true, force: true }), 60_000)

  const packageJson = () => JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'))

  it('has the documents, the examples and the errors that its README points at', () => {
    const text = readFileSync(join(installed, 'README.md'), 'utf8')
    const named = [...text.matchAll(/`((?:examples|plugins|core)\/[\w./-]+\.(?:ts|md))`|\]\(([\w./-]+\.md)\)/g)]
    const paths = named.map(([, code, link]) => code ?? link!)
    expect(paths.length).toBeGreaterThan(5)
    for (const path of paths) expect(() => readFileSync(join(installed, path)), path).not.toThrow()
  })

  it('names no file of its source, which is not in it', () => {
    expect(JSON.stringify([packageJson().exports, packageJson().imports])).not.toContain('archloom-source')
    for (const [door, target] of Object.entries<{ default?: string }>(packageJson().exports))
      if (typeof target === 'object' && !door.includes('*'))
        expect(() => readFileSync(join(installed, target.default!)), door).not.toThrow()
  })

  it("has the dashboard's page where the server looks for it", () => {
    const html = readFileSync(join(installed, 'dist/plugins/dashboard/page/index.html'), 'utf8')
    const served = join(installed, 'dist/plugins/dashboard/page-files.js')
    const ask = `const { pageFiles } = await import(${JSON.stringify(served)}); console.log(JSON.stringify(Object.keys(await pageFiles())))`
    const paths: string[] = JSON.parse(run(process.execPath, ['--input-type=module', '-e', ask], user))
    const named = [...html.matchAll(/(?:src|href)="\/([^"]+)"/g)].map(([, path]) => path!)
    expect(named.filter((path) => /\.(?:js|css)$/.test(path)).length).toBe(2)
    expect(paths).toEqual(expect.arrayContaining(['index.html', ...named]))
  })

  it('has what its internal imports stand for, on every platform', async () => {
    const { imports, dependencies } = packageJson()
    expect(Object.keys(imports)).toEqual(
      Object.keys(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).imports),
    )
    const targets = Object.values<string | Record<string, string>>(imports).flatMap((one) => Object.values(one))
    for (const target of targets)
      if (target.startsWith('.')) expect(() => readFileSync(join(installed, target)), target).not.toThrow()
      else expect(dependencies).toHaveProperty([target])
    const contents = `import { createSearch } from 'archloom'; createSearch`
    const { warnings, metafile } = await build({
      stdin: { contents, resolveDir: user },
      bundle: true,
      platform: 'browser',
      format: 'esm',
      write: false,
      logLevel: 'silent',
      metafile: true,
    })
    expect(warnings).toEqual([])
    expect(Object.keys(metafile.inputs).filter((file) => /^node:|core\/node\//.test(file))).toEqual([])
  })

  it('installs without its optional packages and runs a search', () => {
    const doors = Object.keys(packageJson().exports)
      .filter((door) => !door.includes('*') && !['./package.json', './testing'].includes(door))
      .map((door) => `archloom${door.slice(1)}`)
    const imports = doors.map((door) => `await import('${door}')`).join('; ')
    run(process.execPath, ['--input-type=module', '-e', imports], user)
    expect(runProgram(user)).toEqual({ completed: 5, found: true, tf: 'function' })
  }, 120_000)

  it('holds the kernels of its WebAssembly engine, and trains on them to the numbers of the checkout', () => {
    for (const name of ['@tensorflow/tfjs-backend-cpu', '@tensorflow/tfjs-backend-wasm', 'inversify'])
      expect(existsSync(join(user, 'node_modules', name)), name).toBe(false)
    const program = `
      const { createSearch, memoryStore } = await import('archloom')
      const { generatedImages } = await import('archloom/evaluators/data')
      const { trainFromScratch } = await import('archloom/evaluators/train-from-scratch')
      const { random } = await import('archloom/plugins/random')
      const { toySpace } = await import('archloom/search-spaces/toy')
      const { currentEngine } = await import('archloom/tensor')
      const data = generatedImages({ train: 32, validation: 16, test: 4, size: 8, classes: 4 })
      const search = createSearch({
        space: toySpace(),
        evaluator: trainFromScratch({ data, epochs: 2, batchSize: 16, engine: 'wasm' }),
        plugins: [random()],
        objectives: { loss: 'minimise' },
        budget: { maxTrials: 2 },
        study: memoryStore(),
      })
      await search.finish()
      console.log(JSON.stringify([currentEngine().version, ...search.record().trials.map(({ metrics }) => metrics)]))
    `
    const source = ['--conditions=archloom-source', '--import', 'tsx']
    const said = run(process.execPath, ['--input-type=module', '-e', program], user)
    expect(JSON.parse(said)).toEqual(
      JSON.parse(run(process.execPath, [...source, '--input-type=module', '-e', program], root)),
    )
  }, 120_000)

  it('its command says its version, and which package is missing for TypeScript', () => {
    const bin = join(installed, 'core/cli/bin.mjs')
    expect(run(process.execPath, [bin, '--version'], user).trim()).toBe(packageJson().version)
    if ('typescript' in process.features && process.features.typescript) return
    expect(() => run(process.execPath, [bin, 'run', 'search.ts'], user)).toThrow(/npm install tsx/)
  })
})
