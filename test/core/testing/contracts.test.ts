import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { beforeAll, expect, it } from 'vitest'

interface Result {
  readonly ancestorTitles: readonly string[]
  readonly title: string
  readonly status: string
}

const failed = new Map<string, Set<string>>()
const passed = new Set<string>()

/** A vitest of its own runs the contracts on broken parts. */
beforeAll(async () => {
  const root = fileURLToPath(new URL('../../..', import.meta.url))
  const file = 'test/core/testing/broken-parts.ts'
  const vitest = fileURLToPath(new URL('vitest.mjs', import.meta.resolve('vitest/package.json')))
  const options = ['run', '--reporter=json', '--typecheck.enabled=false']
  const stdout = await new Promise<string>((resolve) => {
    execFile(
      process.execPath,
      [vitest, ...options, '--config', 'test/core/testing/broken-parts.config.ts', file],
      { cwd: root, maxBuffer: 1 << 28 },
      (_, out) => resolve(out),
    )
  })
  const report = JSON.parse(stdout.slice(stdout.indexOf('{"'))) as { testResults: { assertionResults: Result[] }[] }
  for (const { ancestorTitles, title: law, status } of report.testResults.flatMap((file) => file.assertionResults)) {
    const part = (ancestorTitles[0] as string).split(' keeps the contract')[0] as string
    if (status === 'passed') passed.add(part)
    else failed.set(part, (failed.get(part) ?? new Set()).add(law))
  }
}, 120_000)

it.each([
  ['outside', 'proposes members of the space'],
  ['hidden state', 'proposes the same from the same seed'],
  ['not finite', 'reports finite numbers'],
  ['leaks', 'leaves no tensor behind'],
  ['fails with failures', 'carries on when every trial fails'],
  ['learns nothing', 'pulls the best of 256 arms'],
  ['mutates in place', 'mutates to another valid genotype'],
  ['counts wrong', 'enumerates its 26 architectures'],
  ['offers too much', 'offers only options that can be completed'],
  ['not repeatable', 'measures the same for the same request'],
  ['not a number', 'measures finite numbers'],
  ['keeps tensors', 'leaves no tensor behind'],
  ['deaf to aborts', 'stops when aborted'],
  ['reverses', 'returns equal events in their order'],
  ['shares', 'keeps its own copy'],
  ['recalls too much', 'recalls what was kept of its first events'],
  ['forgets on close', 'keeps everything when closed and opened again'],
])('the contract finds a part that %s: it %s', (part, law) => {
  const laws = [...(failed.get(part) ?? [])]
  expect(
    laws.some((name) => name.startsWith(law)),
    `failed: ${laws.join('; ') || 'nothing'}`,
  ).toBe(true)
  // One broken law must not break them all.
  expect(passed.has(part)).toBe(true)
})
