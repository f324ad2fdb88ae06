import { defineConfig } from 'vitest/config'

// biome-ignore lint/style/noDefaultExport: vitest wants it so.
export default defineConfig({
  resolve: { conditions: ['archloom-source'] },
  ssr: { resolve: { conditions: ['archloom-source', 'node', 'import', 'module', 'default'] } },
  test: { include: ['test/core/testing/broken-parts.ts'] },
})
