/** A long search. With `snapshot`, it is killed while it writes the first one. */
import { createSearch, StudyRecord } from '../../../core/index.ts'
import '../../../core/node/index.ts'
import { climbing, digits, sum } from '../search/parts.ts'

const [directory, maxTrials, when] = process.argv.slice(2) as [string, string, string | undefined]
if (when === 'snapshot') {
  const keep = StudyRecord.prototype.keep
  StudyRecord.prototype.keep = function* () {
    yield* keep.call(this)
    // Enough for a first part to be written.
    yield { filler: 'x'.repeat(2 << 20) }
    process.kill(process.pid, 'SIGKILL')
  }
}
await using search = createSearch({
  space: digits,
  evaluator: (architecture) => ({ sum: sum(architecture) }),
  plugins: [climbing()],
  objectives: { sum: 'maximise' },
  budget: { maxTrials: Number(maxTrials) },
  seed: 5,
  study: { name: 'long', directory },
})
search.on('trial.completed', ({ trial }) => {
  if (trial % 100 === 0) process.stdout.write(`${trial}\n`)
})
await search.finish()
