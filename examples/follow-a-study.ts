// Follows a study that another process is running: it reads the existing events, then waits for new ones.
//     npx archloom run examples/follow-a-study.ts --study NAME [--storage journal:archloom-studies]
import { fileURLToPath } from 'node:url'
import { StudyRecord, studiesAt } from 'archloom'

interface Options {
  readonly study: string
  /** Default: the folder archloom-studies. */
  readonly storage?: string
  readonly signal?: AbortSignal
  readonly log?: (text: string) => void
}

export async function main(options: Options) {
  const { study, storage = 'journal:archloom-studies', signal, log = console.log } = options
  const studies = await studiesAt(storage)
  const store = await studies.open(study)
  const record = new StudyRecord(store.name, store.location)
  const stop = new AbortController()
  signal?.addEventListener('abort', () => stop.abort())
  for await (const events of store.tail(0, stop.signal))
    for (const event of events) {
      // The record folds the events of a study, and returns the events derived from each.
      for (const change of record.apply(event))
        if (change.type === 'best.changed') log(`trial ${change.trial}: ${JSON.stringify(change.metrics)}`)
      if (event.type === 'search.finished' || event.type === 'search.stopped') stop.abort()
    }
  await store.close()
  const { completed, pruned, failed, status } = record.state
  log(`${status}: ${completed} completed, ${pruned} pruned, ${failed} failed`)
  return { status, trials: record.trials.length, best: record.best(1)[0]?.architecture }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [study, storage] = process.argv.slice(2)
  if (study === undefined) throw new Error('usage: follow-a-study.ts STUDY [STORAGE]')
  await main({ study, ...(storage !== undefined && { storage }) })
}
