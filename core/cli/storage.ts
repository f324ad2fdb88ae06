import { ArchloomError } from '../errors.ts'
import { type Studies, studiesAt } from '../study/studies.ts'
import { studiesModules } from './names.ts'

/** Opens the studies at a URL. Loads the plugins that keep studies if the scheme is not known yet. Errors: as `studiesAt`. */
export async function storageAt(url: string): Promise<Studies> {
  try {
    return await studiesAt(url)
  } catch (thrown) {
    if (!ArchloomError.is(thrown) || thrown.code !== 'ARCHLOOM_STORAGE_UNKNOWN') throw thrown
    for (const module of studiesModules()) await import(module.href)
    return studiesAt(url)
  }
}
