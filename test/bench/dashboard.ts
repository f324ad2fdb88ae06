/**
 * The dashboard in a real browser: first paint, interactions, memory of the server, and the size of the page, with 1,000
 * and 100,000 trials; with --peers, the same 10,000 trials also in optuna-dashboard. Needs Chromium.
 *     npm run build && npm run bench -- dashboard [--peers] [--loads 3] [--json]
 * --peers needs a Python with optuna-dashboard: ARCHLOOM_PYTHON=/path/to/python (default: python3).
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { gzipSync } from 'node:zlib'
import { readRecord, studiesAt } from 'archloom'
import { form } from 'archloom/plugins/optuna-journal'
import { type Browser, chromium, type Page } from 'playwright-core'
import type { Bench, BenchResult } from '../../core/cli/commands/bench.ts'
import { chromiumPath } from '../plugins/dashboard/chromium.ts'
import { measuredStudy } from '../plugins/dashboard/measured-study.ts'
import { temporaryFolder } from './folders/temporary.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
/** Without a build, the server runs its sources through tsx, which takes more memory. */
const isBuilt = existsSync(join(root, 'dist/core/index.js'))

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!

interface Served {
  readonly url: string
  /** The largest memory so far of the process and its children together, in MB. */
  peak(): number
  /** Processor time so far in ms. */
  used(): number
  stop(): Promise<void>
}

/** The process and all its descendants. */
function family(pid: number): readonly number[] {
  const parents = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name): readonly (readonly [number, number])[] => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8')
        return [[Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])]]
      } catch {
        return []
      }
    })
  const found = [pid]
  for (const each of found) found.push(...parents.filter(([, parent]) => parent === each).map(([child]) => child))
  return found
}
const readProc = (pid: number, file: string) => {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return ''
  }
}
const peakOf = (pid: number) =>
  family(pid).reduce((sum, each) => sum + Number(/VmHWM:\s+(\d+)/.exec(readProc(each, 'status'))?.[1] ?? 0), 0) / 1024
/** A tick of the kernel's accounting is 10 ms. */
const usedBy = (pid: number) =>
  family(pid).reduce((sum, each) => {
    const stat = readProc(each, 'stat')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return sum + 10 * (Number(fields[11] ?? 0) + Number(fields[12] ?? 0))
  }, 0)

async function served(child: ChildProcess, url: string): Promise<Served> {
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  for (let i = 0; i < 600 && child.exitCode === null; i++) {
    if (
      await fetch(url).then(
        ({ ok }) => ok,
        () => false,
      )
    )
      break
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return {
    url,
    peak: () => peakOf(child.pid!),
    used: () => usedBy(child.pid!),
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGTERM')
      await ended
    },
  }
}
const freePort = () =>
  new Promise<number>((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })

async function ours(directory: string): Promise<Served> {
  const port = await freePort()
  const given = ['dashboard', '--storage', `journal:${directory}`, '--port', String(port)]
  // In a checkout the command itself runs the sources, and loads TypeScript in every process that it starts.
  const main = JSON.stringify(pathToFileURL(join(root, 'dist/core/cli/main.js')).href)
  const code = `import { main } from ${main}; process.exitCode = await main(${JSON.stringify(given)})`
  const args = isBuilt ? ['--input-type=module', '-e', code] : [join(root, 'core/cli/bin.mjs'), ...given]
  const env = { ...process.env, NODE_OPTIONS: '' }
  return served(spawn(process.execPath, args, { stdio: 'ignore', env }), `http://127.0.0.1:${port}`)
}
async function optunaDashboard(command: string, file: string): Promise<Served> {
  const port = await freePort()
  const args = [file, '--host', '127.0.0.1', '--port', String(port)]
  return served(spawn(command, args, { stdio: 'ignore' }), `http://127.0.0.1:${port}/dashboard/`)
}

/** First contentful paint, and the time until charts are drawn, in ms, of a page that is loaded anew. */
async function load(browser: Browser, url: string, drawn: string) {
  const context = await browser.newContext({ viewport: { width: 1360, height: 900 } })
  const page = await context.newPage()
  let bytes = 0
  page.on('response', async (response) => {
    bytes += Number((await response.headerValue('content-length').catch(() => null)) ?? 0)
  })
  await page.goto(url)
  // The page's policy lets no text be evaluated in it; the debugger may.
  for (let i = 0; i < 2400 && !(await page.evaluate<boolean>(drawn)); i++) await page.waitForTimeout(25)
  const whole = await page.evaluate<number>('performance.now()')
  const paint = await page.evaluate<number>(
    "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? -1",
  )
  return { page, paint, whole, bytes, close: () => context.close() }
}

/** Milliseconds from an action in the page until the next frame in which a condition holds. */
const timed = (page: Page, action: string, until: string) =>
  page.evaluate<number>(`new Promise((resolve) => {
    const began = performance.now()
    const check = () => {
      if (${until}) requestAnimationFrame(() => resolve(performance.now() - began))
      else requestAnimationFrame(check)
    }
    ${action}
    check()
  })`)

const chartsDrawn = "document.querySelectorAll('.chart canvas').length >= 2"
const firstRow = "document.querySelector('tbody tr:not(.spacer) th')?.innerText"
const sorted = (name: string) =>
  `[...document.querySelectorAll('thead button')].find((each) => each.innerText.startsWith('${name}'))`

/** What a person does with the table of trials: each in ms, the first sort by a column apart from later ones. */
async function interactions(page: Page, url: string, study: string) {
  await page.goto(`${url}/studies/${study}/trials`)
  await page.locator('tbody tr:not(.spacer) th a').first().waitFor()
  const changed = async (action: string) => {
    const before = await page.evaluate<string>(firstRow)
    return timed(page, action, `${firstRow} !== ${JSON.stringify(before)} && ${firstRow} !== undefined`)
  }
  const firstSort = await changed(`${sorted('accuracy')}.click()`)
  const sorts: number[] = []
  const jumps: number[] = []
  const filters: number[] = []
  for (let i = 0; i < 6; i++) sorts.push(await changed(`${sorted(i % 2 ? 'accuracy' : 'cost')}.click()`))
  for (let i = 0; i < 6; i++) {
    const scroller = "document.querySelector('.scroller.tall')"
    const top = i % 2 ? '0' : `${scroller}.scrollHeight`
    jumps.push(await changed(`${scroller}.scrollTop = ${top};`))
  }
  for (const filter of ['accuracy>0.8', 'op=a', 'cost<20', 'op=b width=16', 'accuracy<0.7', 'depth=2']) {
    await page.getByLabel('Filter').fill(filter)
    const count = await page.evaluate<string>("document.querySelector('form output').innerText")
    const apply = "[...document.querySelectorAll('form button')].find((each) => each.innerText === 'Apply').click()"
    const told = "document.querySelector('form output').innerText"
    filters.push(await timed(page, apply, `${told} !== ${JSON.stringify(count)} && ${told} !== ''`))
  }
  const opened = await timed(
    page,
    "document.querySelector('tbody tr:not(.spacer) th a').click()",
    "[...document.querySelectorAll('h1, h2')].some((each) => each.innerText.startsWith('Trial '))",
  )
  return {
    'first sort by a column': firstSort,
    'sort again or by another column': median(sorts),
    'jump to the end and back': median(jumps),
    filter: median(filters),
    'open a trial': opened,
  }
}

export interface DashboardBenchOptions {
  readonly peers?: boolean
  /** How often a page is loaded; medians are reported. */
  readonly loads?: number
  readonly log?: (line: string) => void
}

export async function run({ peers = false, loads = 3, log = () => {} }: DashboardBenchOptions = {}): Promise<Bench> {
  const executablePath = chromiumPath()
  if (executablePath === undefined) throw new Error('this benchmark needs Chromium: apt-get install chromium')
  const directory = temporaryFolder('dashboard-bench')
  const servers: Served[] = []
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
  const results: BenchResult[] = []
  const add = (name: string, value: number, unit: string, bound?: number) =>
    results.push({
      name,
      value,
      unit,
      ...(bound !== undefined && { reference: `at most ${bound} ${unit}`, ratio: bound / value }),
    })
  try {
    log(isBuilt ? 'measuring the build in dist/' : 'measuring the sources; "npm run build" measures the package')
    const studies = await studiesAt(`journal:${directory}`)
    const sizes = { small: 1000, middle: 10_000, large: 100_000 }
    for (const [name, trials] of Object.entries(sizes)) {
      const { events } = measuredStudy(trials, name)
      const store = await studies.open(name, { mode: 'write' })
      await store.append(events)
      await store.close()
    }
    const paintBound = { small: 1000, large: 2000 }
    for (const name of ['small', 'large'] as const) {
      const trials = sizes[name].toLocaleString('en')
      const server = await ours(directory)
      servers.push(server)
      const paints: number[] = []
      const wholes: number[] = []
      let cold = 0
      for (let i = 0; i <= loads; i++) {
        const loaded = await load(browser, `${server.url}/studies/${name}`, chartsDrawn)
        if (i === 0) {
          cold = loaded.whole
          add(`${trials} trials: first paint, study not yet read`, loaded.paint, 'ms', paintBound[name])
        } else {
          paints.push(loaded.paint)
          wholes.push(loaded.whole)
        }
        await loaded.close()
      }
      add(`${trials} trials: first paint, median of ${loads}`, median(paints), 'ms', paintBound[name])
      add(`${trials} trials: charts drawn, study not yet read`, cold, 'ms')
      add(`${trials} trials: charts drawn, median of ${loads}`, median(wholes), 'ms')
      const context = await browser.newContext({ viewport: { width: 1360, height: 900 } })
      const measured = await interactions(await context.newPage(), server.url, name)
      for (const [what, ms] of Object.entries(measured)) add(`${trials} trials: ${what}`, ms, 'ms', 100)
      await context.close()
      add(`${trials} trials: memory of the server at its peak`, server.peak(), 'MB', 150)
      add(`${trials} trials: processor time of the server over all of this`, server.used(), 'ms')
      if (name === 'large') add('the page, compressed', await pageSize(server.url), 'kB', 300)
    }
    if (peers) await comparePeer({ browser, directory, trials: sizes.middle, results, log })
    return { bench: 'dashboard', results }
  } finally {
    for (const server of servers) await server.stop()
    await browser.close()
    rmSync(directory, { recursive: true })
  }
}

/** Kilobytes of the page and of every file that it names, each compressed by gzip. */
async function pageSize(url: string): Promise<number> {
  const html = await (await fetch(url)).text()
  const files = [...html.matchAll(/(?:src|href)="(\/[^"]+\.(?:js|css|svg))"/g)].map(([, path]) => path!)
  let bytes = gzipSync(html).length
  for (const file of new Set(files))
    bytes += gzipSync(Buffer.from(await (await fetch(url + file)).arrayBuffer()), { level: 9 }).length
  return bytes / 1000
}

interface Peers {
  readonly browser: Browser
  readonly directory: string
  readonly trials: number
  readonly results: BenchResult[]
  readonly log: (line: string) => void
}

/** The same trials in optuna-dashboard: time until its charts are drawn, and its memory. */
async function comparePeer({ browser, directory, trials, results, log }: Peers): Promise<void> {
  const python = process.env.ARCHLOOM_PYTHON
  const command = python ? join(dirname(python), 'optuna-dashboard') : 'optuna-dashboard'
  const { store } = measuredStudy(trials, 'middle')
  const file = join(directory, 'optuna.log')
  let journal = ''
  for await (const { data } of form.exportStudy(store, await readRecord(store))) journal += data
  writeFileSync(file, journal)
  const measure = async (server: Served, page: string, drawn: string) => {
    try {
      const loaded = await load(browser, `${server.url}${page}`, drawn)
      await loaded.close()
      const again = await load(browser, `${server.url}${page}`, drawn)
      await again.close()
      return {
        cold: loaded.whole,
        warm: again.whole,
        paint: again.paint,
        memory: server.peak(),
        used: server.used(),
      }
    } finally {
      await server.stop()
    }
  }
  const own = await measure(await ours(directory), '/studies/middle', chartsDrawn)
  const started = await optunaDashboard(command, file).catch(() => undefined)
  if (!started) return log('optuna-dashboard cannot be started: name its Python by ARCHLOOM_PYTHON')
  const peer = await measure(started, 'studies/0', "document.querySelectorAll('.js-plotly-plot .main-svg').length >= 2")
  const rows = [
    ['charts drawn, first load', 'cold', 'ms'],
    ['charts drawn, second load', 'warm', 'ms'],
    ['first paint, second load', 'paint', 'ms'],
    ['memory of the server at its peak', 'memory', 'MB'],
    ['processor time of the server for two loads', 'used', 'ms'],
  ] as const
  for (const [name, field, unit] of rows)
    results.push({
      name: `${trials.toLocaleString('en')} trials: ${name}`,
      value: own[field],
      unit,
      reference: `optuna-dashboard: ${Math.round(peer[field])} ${unit}`,
      ratio: peer[field] / own[field],
    })
}
