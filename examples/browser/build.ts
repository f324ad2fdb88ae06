// Builds the page with Vite: index.html, a script, the worker's script, a style sheet, and the WebAssembly of the engine.
import { fileURLToPath } from 'node:url'

const folder = fileURLToPath(new URL('.', import.meta.url))

export async function buildDemo(into: string): Promise<void> {
  const { build } = await import('vite')
  await build({
    root: folder,
    base: '/',
    configFile: false,
    envDir: false,
    logLevel: 'warn',
    publicDir: false,
    resolve: { conditions: ['archloom-source', 'module', 'browser', 'production'] },
    oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
    worker: { format: 'es' },
    build: {
      target: 'es2022',
      outDir: into,
      emptyOutDir: true,
      assetsInlineLimit: 0,
      modulePreload: false,
      reportCompressedSize: false,
      chunkSizeWarningLimit: 2000,
      license: { fileName: 'licences.md' },
    },
  })
}
