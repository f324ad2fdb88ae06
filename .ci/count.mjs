/**
 * Prints one line, "N passed, N failed, N skipped", from vitest's JSON reports, and exits with 1 if anything failed.
 * Usage: node .ci/count.mjs <folder of reports> <number of reports expected> <exit status of the runs>
 *
 * A test that ran in several reports is counted once: failed if it failed anywhere, else passed if it passed anywhere.
 * A test file that could not be collected and a run that ended without a report count as one failed test each.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const [folder, expected, status] = process.argv.slice(2)
const rank = { failed: 2, passed: 1 }
const tests = new Map()
const note = (test, outcome) => tests.set(test, Math.max(tests.get(test) ?? 0, rank[outcome] ?? 0))

let whole = 0
for (const name of readdirSync(folder)) {
  try {
    const report = JSON.parse(readFileSync(join(folder, name), 'utf8'))
    for (const file of report.testResults) {
      const seen = new Map()
      for (const { fullName, status } of file.assertionResults) {
        // Tests of one name in one file are told apart by their order.
        const count = (seen.get(fullName) ?? 0) + 1
        seen.set(fullName, count)
        note(`${file.name}\n${fullName}\n${count}`, status)
      }
      if (file.status === 'failed' && !file.assertionResults.some(({ status }) => status === 'failed'))
        note(file.name, 'failed')
    }
    whole++
  } catch (thrown) {
    process.stderr.write(`${name} is no report of vitest: ${thrown}\n`)
  }
}
for (let i = whole; i < Number(expected); i++) note(`a run without a report ${i}`, 'failed')
// A suite that one run did not collect (see test/conditional-suites.ts) and another one ran is not skipped.
for (const [test, value] of tests) {
  const [file, suite] = test.split(/\n| is not collected here/)
  const ran = ([other, outcome]) => outcome > 0 && other.startsWith(`${file}\n${suite} `)
  if (value === 0 && test.includes(' is not collected here') && [...tests].some(ran)) tests.delete(test)
}
const count = (outcome) => [...tests.values()].filter((value) => value === outcome).length
if (Number(status) !== 0 && count(2) === 0) note('a run that ended with an error', 'failed')
process.stdout.write(`${count(1)} passed, ${count(2)} failed, ${count(0)} skipped\n`)
process.exitCode = count(2) > 0 ? 1 : 0
