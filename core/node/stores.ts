/** What stores of studies in Node are made of; the plugins that keep studies in databases stand on it. */

export { error as studyError } from '../study/errors.ts'
export {
  artifactParts,
  checkArtifactName,
  decodeRow,
  endTrials,
  followRows,
} from '../study/rows.ts'
export { error as storageError } from '../study/storage-errors.ts'
export { encodeEvent, notifier } from '../study/store.ts'
export { checkStudyName, freshName, withoutPassword } from '../study/studies.ts'
export { folderChange } from './folder-change.ts'
export { lockHolder, releaseLock, takeLock } from './lock.ts'
