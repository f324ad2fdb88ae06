// Builds the documentation site in .site/dist: the pages of docs/ and the READMEs of all rooms by VitePress, and the API
// reference of every entry of the package by TypeDoc.
//     npm run docs              (installs the site's own packages first)
//     npm run docs -- --serve   (shows it afterwards)
//     npm run docs -- --pages   (without the API reference)
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, posix, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const site = dirname(fileURLToPath(import.meta.url))
const root = join(site, '..')
const pages = join(site, 'pages')
const run = (...args) => execFileSync(process.execPath, args, { cwd: site, stdio: 'inherit' })

if (!existsSync(join(site, 'node_modules', 'vitepress')))
  execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: site, stdio: 'inherit' })

const rooms = ['search-spaces', 'evaluators', 'plugins']
const readmes = rooms.flatMap((room) =>
  readdirSync(join(root, room))
    .map((name) => posix.join(room, name, 'README.md'))
    .filter((path) => existsSync(join(root, path))),
)
const guides = readdirSync(join(root, 'docs'))
  .filter((name) => name.endsWith('.md'))
  .map((name) => `docs/${name}`)
const results = readmes.map((path) => path.replace('README', 'RESULTS')).filter((path) => existsSync(join(root, path)))
const others = ['README.md', 'CHANGELOG.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'core/ERRORS.md']
const all = new Set([...others, ...guides, ...readmes, ...results])

/** A link of a page as the site has it: folders are their READMEs, and other files of the repository are shown as text. */
function linked(page, target) {
  if (/^([a-z]+:|#|\/)/.test(target)) return target
  const [path, anchor = ''] = target.split(/(?=#)/)
  let file = posix.normalize(posix.join(posix.dirname(page), path)).replace(/\/$/, '')
  if (!existsSync(join(root, file))) throw new Error(`${page} links to ${target}, which does not exist`)
  const isFolder = statSync(join(root, file)).isDirectory()
  if (isFolder) file = posix.join(file, 'README.md')
  if (all.has(file)) return `/${file}${anchor}`
  // A folder of source code has no page; the page that names it stands for it.
  if (isFolder && !existsSync(join(root, file))) return '#'
  const isImage = /\.(png|jpg|svg|webp)$/.test(file)
  const copy = posix.join('source', isImage ? file : `${file}.txt`)
  mkdirSync(join(pages, 'public', dirname(copy)), { recursive: true })
  cpSync(join(root, file), join(pages, 'public', copy))
  return `/${copy}`
}

/** Refuses what Vue would evaluate. */
function checked(page, text) {
  if (text.includes('{{')) throw new Error(`${page} has {{ outside code, which the site would evaluate`)
  return text
}

/** The text of a page without comments, and with links of the site; code stays as it is. */
const pageOf = (path) =>
  readFileSync(join(root, path), 'utf8')
    .split(/(^```[\s\S]*?^```[^\n]*$|`[^`\n]+`)/m)
    .map((part, i) =>
      i % 2 === 1
        ? part
        : checked(path, part)
            .replace(/<!--[\s\S]*?-->\n?/g, '')
            .replace(/(\]\()([^()\s]+)(\))/g, (_, open, target, close) => open + linked(path, target) + close),
    )
    .join('')

rmSync(pages, { recursive: true, force: true })
rmSync(join(site, 'dist'), { recursive: true, force: true })
for (const path of all) {
  mkdirSync(join(pages, dirname(path)), { recursive: true })
  writeFileSync(join(pages, path), pageOf(path))
}

const titleOf = (path) => /^# (.*)$/m.exec(readFileSync(join(root, path), 'utf8'))?.[1].replaceAll('`', '') ?? path
const item = (path) => ({ text: titleOf(path), link: `/${path.replace(/README\.md$/, '').replace(/\.md$/, '')}` })
const order = [
  'tutorial',
  'data-and-training',
  'spaces',
  'strategies',
  'engines',
  'events-and-studies',
  'many-machines',
  'browser',
]
const rank = (path) => (order.indexOf(path.slice('docs/'.length, -'.md'.length)) + 1 || 99) - 1
const byRank = guides.toSorted((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))
const sections = [
  { text: 'Guides', items: byRank.map(item) },
  ...rooms.map((room) => ({
    text: { 'search-spaces': 'Search spaces', evaluators: 'Evaluators', plugins: 'Plugins' }[room],
    collapsed: true,
    items: readmes.filter((path) => path.startsWith(`${room}/`)).map(item),
  })),
  { text: 'Project', collapsed: true, items: others.slice(1).map(item) },
]
writeFileSync(join(pages, 'sections.json'), JSON.stringify(sections))

run('node_modules/vitepress/bin/vitepress.js', 'build')

if (process.argv.includes('--pages')) process.exit()

const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const entries = Object.values(exports)
  .flatMap((entry) => entry['archloom-source'] ?? [])
  .map((source) => source.types ?? source)
  .flatMap((path) =>
    path.includes('*')
      ? readdirSync(join(root, path.slice(0, path.indexOf('*')))).map((name) => path.replace('*', name))
      : path,
  )
  .filter((path) => existsSync(join(root, path)))
const options = {
  entryPoints: [...new Set(entries)].map((path) => relative(site, join(root, path))),
  tsconfig: join(root, 'tsconfig.json'),
  out: 'dist/api',
  name: 'archloom',
  readme: 'none',
  skipErrorChecking: true,
  excludePrivate: true,
  excludeInternal: true,
  disableSources: true,
  logLevel: 'Error',
}
writeFileSync(join(site, 'typedoc.json'), JSON.stringify(options))
run('node_modules/typedoc/bin/typedoc', '--options', 'typedoc.json')

if (process.argv.includes('--serve')) run('node_modules/vitepress/bin/vitepress.js', 'preview')
