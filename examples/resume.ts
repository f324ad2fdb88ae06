// Every search is recorded in a study. Whatever ended the search, the same code with the same study name continues it.
//     npx archloom run examples/resume.ts
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createSearch, type StudyOptions } from 'archloom'
import { evolution } from 'archloom/plugins/evolution'
import { nasBench201Space } from 'archloom/search-spaces/nas-bench-201'

interface Options {
  readonly trials?: number
  readonly study?: StudyOptions
  readonly signal?: AbortSignal
}

export const space = nasBench201Space()

/** What `archloom run examples/resume.ts --study demo` and `archloom resume demo` call. */
export const search = ({ trials = 30, study = {} }: Options = {}) =>
  createSearch({
    space,
    evaluator: (architecture) => ({ accuracy: JSON.stringify(architecture).split('nor_conv_3x3').length / 7 }),
    plugins: [evolution({ population: 8, sample: 4 })],
    objectives: { accuracy: 'maximise' },
    budget: { maxTrials: trials },
    seed: 2,
    study,
  })

interface MainOptions extends Options {
  readonly log?: (text: string) => void
}

/** Stops a search half-way, continues it, and compares it with a search that was never stopped. */
export async function main({ trials = 30, study = {}, log = console.log }: MainOptions = {}) {
  const directory = study.directory === undefined ? {} : { directory: study.directory }
  let path: string
  {
    await using first = search({ trials, study })
    path = first.study
    for await (const event of first.run()) if (event.type === 'trial.completed' && event.trial >= trials / 2) break
    log(`left after ${first.state().completed} of ${trials} trials: ${path}`)
  }
  const name = basename(path)
  await using again = search({ trials, study: { ...directory, name } })
  await again.finish()
  await using whole = search({ trials, study: { ...directory, name: `${name}-uninterrupted` } })
  await whole.finish()
  const course = (search: typeof again) =>
    JSON.stringify(search.best(trials).map(({ trial, genotype }) => [trial, genotype]))
  const same = course(again) === course(whole)
  log(
    `resumed to ${again.state().completed} trials in ${again.state().sessions} sessions; same as uninterrupted: ${same}`,
  )
  return { study: path, completed: again.state().completed, sessions: again.state().sessions, same }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
