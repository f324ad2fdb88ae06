import type { Json } from '../space/decision.ts'
import { error } from './errors.ts'

type Kind = 'array' | 'number' | 'object' | 'any'
const kindOf = (value: unknown): string =>
  Array.isArray(value) ? 'array' : value === null ? 'null' : (typeof value as string)

/** Checks that the snapshot is a record whose fields have the given kinds. Error: ARCHLOOM_CONTROLLER_SNAPSHOT. */
export function restored<F extends Readonly<Record<string, Kind>>>(
  controller: string,
  snapshot: Json,
  fields: F,
): { readonly [K in keyof F]: unknown } {
  const record = (kindOf(snapshot) === 'object' ? snapshot : {}) as Readonly<Record<string, unknown>>
  for (const [field, kind] of Object.entries(fields))
    if (!(field in record) || (kind !== 'any' && kindOf(record[field]) !== kind))
      throw error('ARCHLOOM_CONTROLLER_SNAPSHOT', {
        controller,
        received: snapshot,
        expected: `an object with ${Object.entries(fields)
          .map(([name, wanted]) => `${name} (${wanted})`)
          .join(', ')}`,
      })
  return record as { readonly [K in keyof F]: unknown }
}
