/**
 * Suites that run only where something is there: a GPU, a program, a file of the data folder. Vitest calls the body of
 * `describe.skipIf(…)` even where it skips the suite, so a body that reads a file or starts an engine fails there. The
 * functions here do not call it. test/house.test.ts refuses the others, and ARCHLOOM_DATA in any other test file.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'vitest'

/** `describe(name, body)` where the condition holds; elsewhere one skipped test, and the body is never called. */
export function describeWhere(condition: boolean, name: string, body: () => void): void {
  if (condition) describe(name, body)
  else describe.skip(name, () => it('is not collected here', () => {}))
}

/** The folder of public data that ARCHLOOM_DATA names, if it holds every one of the paths. */
function folderWith(paths: readonly string[]): string | undefined {
  const root = process.env.ARCHLOOM_DATA
  return root && paths.every((path) => existsSync(join(root, path))) ? root : undefined
}

/** A suite that needs these paths of the folder that ARCHLOOM_DATA names. The body receives the folder. */
export function describeWithData(name: string, paths: readonly string[], body: (root: string) => void): void {
  const root = folderWith(paths)
  describeWhere(root !== undefined, `${name} (needs ${paths.join(', ')} of ARCHLOOM_DATA)`, () => body(root as string))
}

/** A test that needs these paths of the folder that ARCHLOOM_DATA names. The body receives the folder. */
export function itWithData(name: string, paths: readonly string[], body: (root: string) => void | Promise<void>): void {
  const root = folderWith(paths)
  it.skipIf(root === undefined)(`${name} (needs ${paths.join(', ')} of ARCHLOOM_DATA)`, () => body(root as string))
}
