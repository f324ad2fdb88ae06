import { declarePlugin } from '../../core/index.ts'

export { form } from './export-study.ts'
export { studyArrow } from './table.ts'

declarePlugin({
  name: 'arrow',
  kind: 'format',
  does: 'Writes a study as an Arrow file, with typed columns: archloom export --as arrow.',
})
