import type { ExportForm } from '../../core/index.ts'
import { studyCsv } from './table.ts'

/** `archloom export --as csv`: one row per trial. */
export const form: ExportForm = {
  files: 'one',
  async *exportStudy(_store, record) {
    yield { path: '', data: studyCsv(record) }
  },
}
