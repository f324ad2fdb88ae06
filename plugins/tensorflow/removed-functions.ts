import { createRequire } from 'node:module'

type Test = (value: unknown) => boolean

/** The functions that Node 23 removed from `node:util`. */
export const removedFunctions: Readonly<Record<string, Test>> = {
  isArray: Array.isArray,
  isBoolean: (value) => typeof value === 'boolean',
  isBuffer: (value) => Buffer.isBuffer(value),
  isDate: (value) => value instanceof Date,
  isError: (value) => value instanceof Error,
  isFunction: (value) => typeof value === 'function',
  isNull: (value) => value === null,
  isNullOrUndefined: (value) => value === null || value === undefined,
  isNumber: (value) => typeof value === 'number',
  isObject: (value) => typeof value === 'object' && value !== null,
  isPrimitive: (value) => (typeof value !== 'object' && typeof value !== 'function') || value === null,
  isRegExp: (value) => value instanceof RegExp,
  isString: (value) => typeof value === 'string',
  isSymbol: (value) => typeof value === 'symbol',
  isUndefined: (value) => value === undefined,
}

/**
 * Functions that tfjs-node 4.22 calls. They are replaced even if they exist, because Node 22 warns when they are
 * called.
 */
const called = new Set(['isArray', 'isNullOrUndefined'])

/** Adds the functions that this version of Node lacks to the module object that `require('util')` returns. */
export function restoreRemovedFunctions(
  module: Record<string, unknown> = createRequire(import.meta.url)('node:util') as Record<string, unknown>,
): void {
  for (const [name, test] of Object.entries(removedFunctions))
    if (called.has(name) || !(name in module)) module[name] = test
}
