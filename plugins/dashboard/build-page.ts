import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const folder = fileURLToPath(new URL('page/', import.meta.url))

/**
 * Builds the page with Vite into a folder: index.html, one script, one style sheet, and the licences of what is in them.
 * Vite and the packages of the page are development dependencies of a checkout.
 */
export async function buildPage(into: string): Promise<void> {
  const { build } = await import('vite')
  await build({
    root: folder,
    base: '/',
    configFile: false,
    envDir: false,
    logLevel: 'error',
    publicDir: false,
    oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
    build: {
      outDir: into,
      emptyOutDir: true,
      assetsInlineLimit: 0,
      modulePreload: false,
      reportCompressedSize: false,
      license: { fileName: 'licences.md' },
    },
  })
}

if (process.argv[1] === fileURLToPath(import.meta.url) && process.argv[2]) await buildPage(resolve(process.argv[2]))
