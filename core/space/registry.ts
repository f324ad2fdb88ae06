import { quote } from '../errors.ts'
import { error } from './errors.ts'
import { fileNameOf } from './naming.ts'
import type { SearchSpace } from './space.ts'

const registered = new Map<string, SearchSpace>()

/**
 * Registers a space under its name, so that the command line and a resumed study find it. Registering an equal space
 * again is harmless; a different one under a used name throws ARCHLOOM_SPACE_DUPLICATE_NAME.
 */
export function registerSearchSpace<A>(space: SearchSpace<A>): SearchSpace<A> {
  if (typeof space?.fingerprint !== 'string')
    throw error('ARCHLOOM_SPACE_PART', { path: '', received: space, expected: 'what defineSpace() returns' })
  const known = registered.get(space.name)
  if (known && known.fingerprint !== space.fingerprint)
    throw error('ARCHLOOM_SPACE_DUPLICATE_NAME', {
      name: space.label,
      where: `the registry of search spaces (${quote(known.fingerprint)} is registered)`,
    })
  registered.set(space.name, space)
  return space
}

/** The registered space of that name or label, or ARCHLOOM_SPACE_UNKNOWN with the known names. */
export function findSearchSpace(name: string): SearchSpace {
  const space = registered.get(name) ?? registered.get(fileNameOf(name))
  if (!space) throw error('ARCHLOOM_SPACE_UNKNOWN', { name, known: [...registered.keys()] })
  return space
}

export const searchSpaceNames = (): readonly string[] => [...registered.keys()].sort()
