/** Tables of options in READMEs, between `<!-- options NAME -->` and `<!-- /options -->`.   npm run options */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { declaredOptions, optionMarkdown } from '../core/options/index.ts'

/** Folders of plugins, search spaces and evaluators. */
export const rooms = (): readonly string[] =>
  ['plugins', 'search-spaces', 'evaluators'].flatMap((floor) =>
    readdirSync(floor)
      .map((name) => `${floor}/${name}`)
      .filter((folder) => existsSync(`${folder}/index.ts`)),
  )

/** Declares the options of every room. */
export async function importRooms(): Promise<void> {
  for (const room of rooms()) await import(/* @vite-ignore */ pathToFileURL(`${room}/index.ts`).href)
}

const marked = /<!-- options (.+?) -->\n[\s\S]*?<!-- \/options -->/g

/** Names of the tables that a page has. */
export const tablesIn = (page: string): readonly string[] => [...page.matchAll(marked)].map(([, name = '']) => name)

/** The page with every table written anew from what is declared. */
export const withTables = (page: string): string =>
  page.replaceAll(marked, (_, name: string) => {
    const declared = declaredOptions().get(name)
    if (!declared) throw new Error(`no options are declared as "${name}"`)
    return `<!-- options ${name} -->\n\n${optionMarkdown(declared)}\n\n<!-- /options -->`
  })

export const pages = (): readonly string[] =>
  rooms()
    .map((room) => `${room}/README.md`)
    .filter((page) => existsSync(page))

if (process.argv[1]?.endsWith('option-tables.ts')) {
  await importRooms()
  for (const page of pages()) writeFileSync(page, withTables(readFileSync(page, 'utf8')))
}
