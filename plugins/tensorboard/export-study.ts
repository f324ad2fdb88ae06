import type { ExportForm } from '../../core/index.ts'
import { eventPieces } from './pieces.ts'

/** Number of trials that have a separate run. */
export const RUNS = 1000

/** `archloom export --as tensorboard`: the whole study as a new folder of event files. */
export const form: ExportForm = {
  files: 'many',
  async *exportStudy(store) {
    const piecesOf = eventPieces(RUNS)
    for await (const events of store.read()) for (const event of events) yield* await piecesOf(event)
  },
}
