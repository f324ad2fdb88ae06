import { extname } from 'node:path'

const READABLE: ReadonlySet<string> = new Set(['.mp4', '.mkv', '.mov', '.webm', '.m4v', '.avi', '.mpg', '.mpeg', '.wmv', '.ogv', '.flv']) // biome-ignore format: one line
/** The extensions of films that are written. */
export const writableFilms: readonly string[] = ['.mp4', '.mkv', '.mov', '.webm']

/** Whether a path names a film, by its extension. */
export const isFilm = (path: string): boolean => READABLE.has(extname(path).toLowerCase())

/** The extension of the result of a film: its own where it can be written, otherwise .mp4. */
export const filmExtension = (path: string): string => {
  const own = extname(path).toLowerCase()
  return writableFilms.includes(own) ? own : '.mp4'
}
