import { defineConfig } from 'vitest/config'

const report = process.env.ARCHLOOM_TEST_REPORT

export default defineConfig({
  resolve: { conditions: ['source'] },
  ssr: { resolve: { conditions: ['source', 'node', 'import', 'module', 'default'] } },
  test: {
    include: ['test/**/*.test.ts'],
    // tfjs keeps one engine a process; forks keep one file's engine out of another's.
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    typecheck: { enabled: true, include: ['test/**/*.test-d.ts'], checker: 'tsc', tsconfig: './tsconfig.json' },
    reporters: report ? ['dot', ['json', { outputFile: report }]] : ['default'],
  },
})
