import { importance } from '../../analysis/importance.ts'
import { readRecord } from '../../study/record.ts'
import type { Studies } from '../../study/studies.ts'
import type { Output } from '../output.ts'
import { plural, tableText } from '../text.ts'

export interface ImportanceFlags {
  readonly studies: Studies
  readonly method: 'fanova' | 'ped-anova'
  readonly metric?: string | undefined
  readonly direction?: 'maximise' | 'minimise' | undefined
  readonly pairs: boolean
  readonly output: Output
}

/** `archloom importance <study>`: shows how much each decision matters. It does not need the study's code. */
export async function showImportance(name: string, given: ImportanceFlags): Promise<number> {
  const { studies, method, metric, direction, pairs, output } = given
  const store = await studies.open(name)
  const study = await readRecord(store)
  await store.close()
  const result = importance(study, {
    method,
    pairs,
    ...(metric !== undefined && { metric }),
    ...(direction && { direction }),
  })
  const percent = (share: number) => (100 * share).toFixed(1)
  output.log(`${result.metric} of ${study.name}, ${plural(result.trials, 'completed trial')}, by ${method}`)
  output.log('')
  output.log(
    tableText(
      ['decision', 'importance %'],
      result.decisions.map(({ decision, importance: share }) => [decision, percent(share)]),
    ),
  )
  if (result.pairs) {
    output.log('')
    output.log(
      tableText(
        ['pair', 'interaction %'],
        result.pairs.slice(0, 10).map((pair) => [pair.decisions.join(' × '), percent(pair.importance)]),
      ),
    )
  }
  output.result({ study: study.name, ...result })
  return 0
}
