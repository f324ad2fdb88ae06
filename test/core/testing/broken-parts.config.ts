import { defineConfig } from 'vitest/config'

// biome-ignore lint/style/noDefaultExport: vitest wants it so.
export default defineConfig({
  resolve: { conditions: ['source'] },
  ssr: { resolve: { conditions: ['source', 'node', 'import', 'module', 'default'] } },
  test: { include: ['test/core/testing/broken-parts.ts'] },
})
