import { defineErrors, quote } from '../errors.ts'

export const error = defineErrors('study', {
  ARCHLOOM_STORAGE_UNKNOWN: (d: { url: string; known: readonly string[] }) =>
    `studies cannot be kept at ${quote(d.url)}; the schemes known here are ${quote(d.known)}. Import the plugin that provides the scheme, or use journal:<folder>.`,
  ARCHLOOM_STUDY_NAME: (d: { received: unknown; suggestion: string }) =>
    `${quote(d.received)} cannot be the name of a study; expected letters, digits and any of _ = + , . @ ~ -. Use ${quote(d.suggestion)}.`,
  ARCHLOOM_ARTIFACT_NAME: (d: { received: unknown }) =>
    `${quote(d.received)} cannot be the name of an artifact; expected a relative path inside the study, such as "checkpoints/trial-7".`,
  ARCHLOOM_STUDY_CLOSED: (d: { study: string }) =>
    `study ${quote(d.study)} has been closed; nothing can be appended to it any more. Open it again.`,
  ARCHLOOM_STUDY_REMOVED: (d: { study: string }) =>
    `the files of study ${quote(d.study)} were deleted while it was being written; the search was stopped. Restore them from a copy, or start a new study.`,
  ARCHLOOM_STUDY_CORRUPT: (d: { file: string; line: number; received: string }) =>
    `line ${d.line} of ${quote(d.file)} is ${quote(d.received, 80)}; expected event ${d.line - 1} of the study as one line of JSON. Only the last line may be incomplete. Restore the file from a copy, or truncate it before that line.`,
  ARCHLOOM_STUDY_EMPTY: (d: { file: string }) =>
    `${quote(d.file)} holds no event: its search was composed but has not run yet. Run it first.`,
  ARCHLOOM_STUDY_NOT_FOUND: (d: { path: string; known: readonly string[] }) =>
    `there is no study at ${quote(d.path)}; the studies here are ${quote(d.known, 400)}. "archloom ls" lists them.`,
  ARCHLOOM_STUDY_MISMATCH: (d: { study: string; field: string; received: unknown; expected: unknown }) =>
    `study ${quote(d.study)} was made with ${d.field} ${quote(d.expected)}, and this search has ${quote(d.received)}. Resume it with the same ${d.field}, or give the new search another study name.`,
  ARCHLOOM_STUDY_DIVERGED: (d: { study: string; trial: number }) =>
    `replaying study ${quote(d.study)} gave another proposal at trial ${d.trial} than the journal holds: the controller or its options have changed since. Resume with the code that wrote it, or start a new study.`,
  ARCHLOOM_STUDY_NO_NETWORKS: (d: { study: string; space: string }) =>
    `space ${quote(d.space)} of study ${quote(d.study)} builds no networks; expected one whose defineSpace() has a build function. Export it as data or code instead.`,
  ARCHLOOM_STUDY_LOCKED: (d: { study: string; by: string }) =>
    `study ${quote(d.study)} is being written by ${d.by}; one process at a time may write a study. Wait for it, or give this search another study name.`,
  ARCHLOOM_STUDY_NOT_WRITABLE: (d: { path: string; message: string }) =>
    `the study cannot be written to ${quote(d.path)}: ${d.message}. Free disk space or choose another directory; every earlier event is on disk.`,
})
