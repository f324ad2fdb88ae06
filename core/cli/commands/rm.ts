import type { Studies } from '../../study/studies.ts'
import type { Output } from '../output.ts'

/**
 * `archloom rm <study...>`. Errors: ARCHLOOM_STUDY_NOT_FOUND, and ARCHLOOM_STUDY_LOCKED while a process is writing a
 * study. The studies before it in the list have been deleted by then.
 */
export async function rm(
  places: readonly { readonly studies: Studies; readonly name: string }[],
  output: Output,
): Promise<number> {
  for (const { studies, name } of places) {
    await studies.remove(name)
    output.log(`deleted ${name}`)
  }
  output.result({ deleted: places.map(({ name }) => name) })
  return 0
}
