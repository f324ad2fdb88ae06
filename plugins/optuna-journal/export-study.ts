import type { ExportForm } from '../../core/index.ts'
import { pythonJson } from './python-json.ts'
import { journalRecords } from './records.ts'

/** `archloom export --as optuna-journal`: the whole study as a new journal. */
export const form: ExportForm = {
  files: 'one',
  async *exportStudy(store) {
    const recordsOf = journalRecords(store.name)
    for await (const events of store.read()) {
      const lines = events.flatMap(recordsOf).map(({ trial, ...record }) => {
        const id =
          record.op_code === 0
            ? {}
            : trial === undefined || record.op_code === 4
              ? { study_id: 0 }
              : { trial_id: trial }
        return `${pythonJson({ ...record, ...id, worker_id: 'archloom' })}\n`
      })
      if (lines.length > 0) yield { path: '', data: lines.join('') }
    }
  },
}
