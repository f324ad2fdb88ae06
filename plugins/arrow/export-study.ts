import type { ExportForm } from '../../core/index.ts'
import { studyArrow } from './table.ts'

/** `archloom export --as arrow`: one row per trial. */
export const form: ExportForm = {
  files: 'one',
  binary: true,
  async *exportStudy(_store, record) {
    yield { path: '', data: await studyArrow(record) }
  },
}
