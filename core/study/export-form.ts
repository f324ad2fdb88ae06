import type { StudyRecord } from './record.ts'
import type { Store } from './store.ts'

/** A piece of an exported study. Pieces of the same path follow one another in one file. */
export interface ExportedPiece {
  /** Path inside the output folder; '' if the form is a single file. */
  readonly path: string
  readonly data: string | Uint8Array
}

/**
 * A form in which `archloom export --as <plugin>` writes a study: exported by the plugin's module `export-study.ts`.
 * `files` says whether the form is one file, which may go to stdout, or a folder of files.
 */
export interface ExportForm {
  readonly files: 'one' | 'many'
  /** The form is binary, so it is never written to stdout. */
  readonly binary?: true
  exportStudy(store: Pick<Store, 'name' | 'location' | 'read'>, record: StudyRecord): AsyncIterable<ExportedPiece>
}
