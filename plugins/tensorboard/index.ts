import { appendFile, mkdir, readdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { definePlugin, observeInBatches, type Plugin } from '../../core/index.ts'
import { type OptionsOf, options, text, whole } from '../../core/options/index.ts'
import { RUNS } from './export-study.ts'
import { eventPieces } from './pieces.ts'

export { form } from './export-study.ts'

export const declared = options('tensorboard', {
  directory: text({ default: 'tensorboard', doc: 'Folder of event files. Each study has a folder of its name in it.' }),
  runs: whole({
    min: 0,
    default: RUNS,
    doc: 'Trials that get a run of their own, with curves and hyperparameters. Later trials appear in the run of the study only.',
  }),
  everyMs: whole({ min: 1, default: 500, doc: 'Milliseconds between two writes.' }),
})
export type TensorboardOptions = OptionsOf<typeof declared>

const isOurs = (name: string) => /events\.out\.tfevents\.\d+\.archloom$/.test(name)

/**
 * Writes the study as TensorBoard event files while it runs. A resumed study is written anew from its first event, so that
 * steps rise and nothing is missing. Error: ARCHLOOM_OPTION.
 */
export function tensorboard(given: TensorboardOptions = {}): Plugin {
  const read = declared.read(given)
  const { directory, runs, everyMs } = read
  return definePlugin({
    name: 'tensorboard',
    options: read,
    bind: ({ observer }) =>
      observer.to((search) => {
        const folder = join(directory, search.study)
        const piecesOf = eventPieces(runs)
        let isClean = false
        const removeOld = async () => {
          const names = await readdir(folder, { recursive: true }).catch(() => [])
          for (const name of names.filter(isOurs)) await rm(join(folder, name))
          isClean = true
        }
        /** Pieces of a batch that failed are appended once it succeeds, each once. */
        const waiting = new Map<string, Uint8Array[]>()
        let taken = -1
        return observeInBatches(search, {
          everyMs,
          async write(events) {
            if (!isClean) await removeOld()
            for (const event of events) {
              // Derived events repeat a number, and have no pieces.
              if (event.seq <= taken) continue
              taken = event.seq
              for (const { path, data } of await piecesOf(event)) {
                const chunks = waiting.get(path) ?? []
                waiting.set(path, chunks)
                chunks.push(data as Uint8Array)
              }
            }
            for (const [path, chunks] of waiting) {
              const file = join(folder, path)
              await mkdir(dirname(file), { recursive: true })
              await appendFile(file, Buffer.concat(chunks))
              waiting.delete(path)
            }
          },
        })
      }),
  })
}
