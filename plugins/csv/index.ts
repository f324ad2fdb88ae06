import { declarePlugin } from '../../core/index.ts'

export { form } from './export-study.ts'
export { studyCsv } from './table.ts'

declarePlugin({
  name: 'csv',
  kind: 'format',
  does: 'Writes a study as comma-separated values: archloom export --as csv.',
})
