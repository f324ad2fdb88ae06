import { access, appendFile, constants, mkdir, readdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { declarePlugin, definePlugin, observeInBatches, type Plugin } from '../../core/index.ts'
import { type OptionsOf, options, text, whole } from '../../core/options/index.ts'
import { RUNS } from './export-study.ts'
import { eventPieces } from './pieces.ts'

export { form } from './export-study.ts'

export const declared = options('tensorboard', {
  directory: text({
    default: 'tensorboard',
    doc: 'Folder of event files, in which each study has a folder with its name.',
  }),
  runs: whole({
    min: 0,
    default: RUNS,
    doc: 'Number of trials that have a separate run, with curves and hyperparameters. Later trials appear only in the run of the study.',
  }),
  everyMs: whole({ min: 1, default: 500, doc: 'Milliseconds between two writes.' }),
})
export type TensorboardOptions = OptionsOf<typeof declared>

const isOurs = (name: string) => /events\.out\.tfevents\.\d+\.archloom$/.test(name)

const about = declarePlugin({
  name: 'tensorboard',
  kind: 'observer',
  does: 'Writes a study as TensorBoard event files while it runs.',
  options: declared,
})

/**
 * Writes the study as TensorBoard event files while it runs. A resumed study is written again from its first event, so
 * that steps increase and nothing is missing. Error: ARCHLOOM_OPTION.
 */
export function tensorboard(given: TensorboardOptions = {}): Plugin {
  const read = declared.read(given)
  const { directory, runs, everyMs } = read
  return definePlugin({
    ...about,
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
        /** The pieces of a failed batch are appended when the batch succeeds, each once. */
        const waiting = new Map<string, Uint8Array[]>()
        let taken = -1
        return observeInBatches(search, {
          everyMs,
          async probe() {
            await mkdir(folder, { recursive: true })
            await access(folder, constants.W_OK)
          },
          async write(events) {
            if (!isClean) await removeOld()
            for (const event of events) {
              // Derived events repeat the number of another event, and have no pieces.
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
