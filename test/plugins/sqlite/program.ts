/** A process that writes studies of a database, for tests of several processes. */
import { ArchloomError, createSearch, readEvents, studiesAt } from 'archloom'
import 'archloom/plugins/sqlite'
import { climbing, digits, sum } from '../../core/search/parts.ts'

const [what, url = '', name = '', count = '20'] = process.argv.slice(2)

/** A search that prints each finished trial as it sees it. */
async function search(): Promise<void> {
  await using running = createSearch({
    space: digits,
    evaluator: async (architecture) => {
      await new Promise((resolve) => setTimeout(resolve, 3))
      return { sum: sum(architecture) }
    },
    plugins: [climbing()],
    objectives: { sum: 'maximise' },
    budget: { maxTrials: Number(count) },
    seed: 5,
    study: { name, storage: url },
  })
  for await (const event of running.run())
    if (event.type === 'trial.completed') process.stdout.write(`${event.trial}:${event.genotype.join('')}\n`)
}

/** Appends events until it is refused, and says with which code. */
async function fill(): Promise<void> {
  let seq = 0
  try {
    const store = await (await studiesAt(url)).open(name, { mode: 'write' })
    try {
      for (; seq < Number(count); seq++)
        await store.append([{ seq, at: 1, type: 'search.warning', code: 'X', message: 'x'.repeat(1000) }])
    } finally {
      await store.close()
    }
    process.stdout.write(`${seq} all\n`)
  } catch (thrown) {
    process.stdout.write(`${seq} ${ArchloomError.is(thrown) ? thrown.code : thrown}\n`)
  }
}

async function read(): Promise<void> {
  const studies = await studiesAt(url)
  for (const study of await studies.list()) {
    const store = await studies.open(study)
    process.stdout.write(`${(await readEvents(store)).length} events of ${study}\n`)
    await store.close()
  }
}

await { fill, read, search }[what as 'fill' | 'read' | 'search']()
