// Part of `npm run build`: writes packages as single files into a folder, by default dist. Inversify, because loading its 240
// modules one by one takes longer than all of the rest. The backends of tfjs, because each package holds its kernels a dozen
// times over: two of 25 MB become two of 1 MB, with the three .wasm files beside them.
import { copyFileSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'

const into = join(process.argv[2] ?? 'dist', 'vendor')

/** Name, version and licence of a package, as a comment. */
function noticeOf(name) {
  const folder = join('node_modules', name)
  const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each))
  const text = file ? `\n${readFileSync(join(folder, file), 'utf8')}` : ''
  return `/* ${name} ${version} (${license})${text.replaceAll('*/', '* /')} */`
}

const common = { bundle: true, format: 'esm', legalComments: 'inline' }

await build({
  ...common,
  stdin: { contents: "export { Container, ContainerModule } from 'inversify'", resolveDir: '.' },
  outfile: join(into, 'inversify.js'),
  platform: 'neutral',
  mainFields: ['module', 'main'],
  external: ['reflect-metadata'],
  minify: true,
  banner: { js: noticeOf('inversify') },
})

await build({
  ...common,
  entryPoints: ['core/space/noble-hashes.ts'],
  outfile: join(into, '../core/space/noble-hashes.js'),
  platform: 'neutral',
  mainFields: ['module', 'main'],
  banner: { js: noticeOf('@noble/hashes') },
})

const cpu = '@tensorflow/tfjs-backend-cpu'
const wasm = '@tensorflow/tfjs-backend-wasm'
const tfjs = { ...common, minify: true, external: ['@tensorflow/tfjs-core'] }

await build({
  ...tfjs,
  stdin: { contents: `export * from '${cpu}'`, resolveDir: '.' },
  outfile: join(into, 'tfjs-backend-cpu.js'),
  platform: 'browser',
  banner: { js: `${noticeOf(cpu)}\n${noticeOf('seedrandom')}` },
})
await build({
  ...tfjs,
  stdin: { contents: `export * from '${wasm}'`, resolveDir: '.' },
  outfile: join(into, 'tfjs-backend-wasm.js'),
  platform: 'browser',
  banner: { js: noticeOf(wasm) },
})
await build({
  ...tfjs,
  stdin: { contents: `export * from '${wasm}'`, resolveDir: '.' },
  outfile: join(into, 'tfjs-backend-wasm.node.js'),
  platform: 'node',
  mainFields: ['module', 'main'],
  banner: {
    js: [
      noticeOf(wasm),
      "import { createRequire } from 'node:module'",
      "import { dirname } from 'node:path'",
      "import { fileURLToPath } from 'node:url'",
      'const require = createRequire(import.meta.url), __filename = fileURLToPath(import.meta.url), __dirname = dirname(__filename)',
    ].join('\n'),
  },
})
const binaries = join('node_modules', wasm, 'dist')
for (const name of readdirSync(binaries).filter((each) => each.endsWith('.wasm')))
  copyFileSync(join(binaries, name), join(into, name))
