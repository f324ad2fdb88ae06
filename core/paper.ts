/** A publication that a part implements; `cite()` prints the BibTeX of every part in use. */
export interface Paper {
  readonly title: string
  readonly authors: string
  readonly venue: string
  readonly year: number
  readonly url?: string
  readonly bibtex: string
}
