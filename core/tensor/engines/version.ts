import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

/** Version of an installed package, without loading it: a tfjs backend registers itself as soon as it is loaded. */
export const versionOf = (packageName: string): string =>
  (require(`${packageName}/package.json`) as { version: string }).version
