import { defineConfig } from 'vitest/config'

const report = process.env.ARCHLOOM_TEST_REPORT

export default defineConfig({
  resolve: { conditions: ['archloom-source'] },
  // Node takes these conditions as well. Not 'import': it would reach require(), and give CommonJS packages the modules of
  // others. Not 'module': it is for bundlers.
  ssr: { resolve: { conditions: ['archloom-source', 'node', 'default'] } },
  test: {
    include: ['test/**/*.test.ts'],
    // tfjs keeps one engine a process; forks keep one file's engine out of another's.
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    // Suites that start processes share a build machine with others; a test that passes only the second time is listed.
    retry: process.env.CI ? 1 : 0,
    typecheck: { enabled: true, include: ['test/**/*.test-d.ts'], checker: 'tsc', tsconfig: './tsconfig.json' },
    reporters: report ? ['dot', ['json', { outputFile: report }]] : ['default'],
  },
})
