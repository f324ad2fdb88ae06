// `npm pack` and `npm publish` ship no TypeScript source: without the conditions that name it, nothing in the package
// points at files that are not there. prepack: `node .ci/publish.mjs strip`; postpack: `node .ci/publish.mjs restore`.
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'

const [file, kept] = ['package.json', 'dist/package.json.kept']
const withoutSource = (_key, value) => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const { 'archloom-source': _, ...rest } = value
  return rest
}

if (process.argv[2] === 'restore') {
  if (existsSync(kept)) renameSync(kept, file)
} else {
  const text = readFileSync(file, 'utf8')
  writeFileSync(kept, text)
  writeFileSync(file, `${JSON.stringify(JSON.parse(text), withoutSource, 2)}\n`)
}
