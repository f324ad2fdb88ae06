import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSearch, journalText, memoryStore, readStudy, type SearchEvent, type Studies, studiesAt } from 'archloom'
import { answersInPage } from 'archloom/plugins/dashboard/in-page'
import { random } from 'archloom/plugins/random'
import { toySpace } from 'archloom/search-spaces/toy'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Strategy, searchOf, strategies, type Task } from '../examples/browser/searches.ts'
import { serveDemo } from '../examples/browser/serve.ts'
import { serveDashboard } from '../plugins/dashboard/index.ts'
import { describeWhere } from './conditional-suites.ts'
import { chromiumPath, faults, inked, launch, openPage, softwareWebgpu } from './plugins/dashboard/chromium.ts'

/** What a search tried and what it measured, as plain data. */
const found = (events: readonly SearchEvent[]) =>
  events.flatMap((event): readonly unknown[] => {
    if (event.type === 'trial.proposed') return [{ trial: event.trial, genotype: event.genotype }]
    return event.type === 'trial.completed' ? [{ trial: event.trial, metrics: event.metrics }] : []
  })
const eventsOf = (journal: string) =>
  journal
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as SearchEvent)

describeWhere(chromiumPath() !== undefined, 'a search in a page (needs chromium)', () => {
  let browser: Browser
  let demo: Awaited<ReturnType<typeof serveDemo>>
  let folder: string

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'archloom-demo-test-'))
    demo = await serveDemo({ port: 0 })
    browser = await launch()
  }, 120_000)
  afterAll(async () => {
    await browser?.close()
    await demo?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  async function start(page: Page, task: Task, strategy: Strategy, trials: number) {
    await page.getByLabel('Evaluate by').selectOption(task)
    await page.getByLabel('Strategy').selectOption(strategy)
    await page.getByLabel('Trials').fill(String(trials))
    await page.getByRole('button', { name: 'Start' }).click()
  }
  const ended = (page: Page) => page.getByRole('heading', { name: 'Best architecture' }).waitFor({ timeout: 120_000 })

  async function save(page: Page): Promise<string> {
    const saving = page.waitForEvent('download')
    await page.getByRole('link', { name: 'journal.jsonl' }).click()
    const download = await saving
    expect(download.suggestedFilename()).toBe('journal.jsonl')
    const file = join(folder, 'saved', 'journal.jsonl')
    await download.saveAs(file)
    return file
  }

  it.each(strategies)('%s finds in a page what it finds in Node', async (strategy) => {
    const { page, complaints, close } = await openPage(browser, demo.url)
    await start(page, 'table', strategy, 40)
    await ended(page)
    await page.getByText('Results are looked up').waitFor()
    const journal = readFileSync(await save(page), 'utf8')
    const own = memoryStore('own')
    await using search = searchOf({ task: 'table', strategy, trials: 40, seed: 1 }, own)
    await search.finish()
    const inPage = found(eventsOf(journal))
    expect(inPage).toHaveLength(80)
    expect(inPage).toEqual(found(eventsOf(await journalText(own))))
    const study = await readStudy('saved', { directory: folder })
    expect(study.trials).toHaveLength(40)
    expect(study.state.status).toBe('finished')
    const [best] = study.best(1)
    await page
      .getByRole('link', { name: String(best!.trial), exact: true })
      .first()
      .waitFor()
    expect(complaints).toEqual([])
    await close()
  })

  it('shows the search with the parts of the dashboard, to everybody', async () => {
    for (const options of [
      { colorScheme: 'light' },
      { colorScheme: 'dark', viewport: { width: 390, height: 844 } },
    ] as const) {
      const { page, complaints, close } = await openPage(browser, demo.url, options)
      await page.getByRole('heading', { name: 'Search in this page' }).waitFor()
      expect(await faults(page)).toEqual([])
      await start(page, 'table', 'evolution', 60)
      await ended(page)
      await page.getByRole('img', { name: /nodes, \d+ edges/ }).waitFor()
      await page.getByRole('img', { name: /^accuracy of 60 trials; the best is/ }).waitFor()
      await page.getByRole('img', { name: /^accuracy against multiplyAdds of 60 completed trials/ }).waitFor()
      await page.waitForTimeout(300)
      expect(await inked(page)).toBeGreaterThan(3000)
      expect(await faults(page)).toEqual([])
      expect(await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0)
      await page.getByRole('link', { name: 'Trials', exact: true }).click()
      await page.getByText('60 trials').waitFor()
      expect(await page.getByRole('region', { name: 'Table of trials' }).locator('tbody tr').count()).toBeGreaterThan(
        10,
      )
      await page.getByRole('link', { name: 'Compare', exact: true }).click()
      await page.getByRole('checkbox', { name: /table-evolution-1/ }).waitFor()
      expect(complaints).toEqual([])
      await close()
    }
  })

  it('trains networks in a worker, on WebAssembly, while the page answers', async () => {
    const { page, complaints, close } = await openPage(browser, demo.url)
    await start(page, 'training', 'random', 2)
    await page.getByText(/^wasm 4\.\d+\.\d+/).waitFor({ timeout: 60_000 })
    await ended(page)
    const events = eventsOf(readFileSync(await save(page), 'utf8'))
    const trials = events.flatMap((event) => (event.type === 'trial.completed' ? [event.metrics] : []))
    expect(trials).toHaveLength(2)
    for (const { accuracy, loss } of trials) expect([accuracy! > 0.2, loss! < 2]).toEqual([true, true])
    expect(events.some(({ type }) => type === 'trial.progress')).toBe(true)
    await page.getByRole('img', { name: /architecture: \d nodes/ }).waitFor()
    expect(complaints).toEqual([])
    await close()
  })

  it('trains networks on WebGPU, with an adapter that computes on the processor', { timeout: 300_000 }, async ({
    skip,
  }) => {
    const own = await launch(softwareWebgpu)
    try {
      const { page, close } = await openPage(own, demo.url)
      const hasAdapter = await page.evaluate<boolean>('navigator.gpu?.requestAdapter().then(Boolean) ?? false')
      await close()
      skip(!hasAdapter, 'this browser has no adapter for WebGPU')
      const accuracies = []
      for (const engine of ['webgpu', 'wasm']) {
        const { page, complaints, close } = await openPage(own, demo.url)
        await page.getByLabel('Evaluate by').selectOption('training')
        await page.getByLabel('Engine').selectOption(engine)
        await start(page, 'training', 'random', 2)
        await page.getByText(new RegExp(`^${engine} `)).waitFor({ timeout: 60_000 })
        await page.getByRole('heading', { name: 'Best architecture' }).waitFor({ timeout: 240_000 })
        const events = eventsOf(readFileSync(await save(page), 'utf8'))
        accuracies.push(events.flatMap((event) => (event.type === 'trial.completed' ? [event.metrics.accuracy!] : [])))
        expect(complaints).toEqual([])
        await close()
      }
      const [webgpu, wasm] = accuracies
      expect(webgpu).toHaveLength(2)
      // Another order of additions, over 48 steps.
      for (const [i, accuracy] of webgpu!.entries()) expect(Math.abs(accuracy - wasm![i]!)).toBeLessThan(0.1)
    } finally {
      await own.close()
    }
  })

  it('the stop button ends a search, whose results stay', async () => {
    const { page, complaints, close } = await openPage(browser, demo.url)
    await start(page, 'training', 'random', 500)
    await page.getByRole('img', { name: /^accuracy of \d+ trials?; the best is/ }).waitFor({ timeout: 60_000 })
    expect(await page.getByRole('button', { name: 'Start' }).isDisabled()).toBe(true)
    await page.getByRole('button', { name: 'Stop' }).click()
    await ended(page)
    const events = eventsOf(readFileSync(await save(page), 'utf8'))
    expect(events.at(-1)).toMatchObject({ type: 'search.stopped', reason: 'stopped on the page' })
    expect(await page.getByRole('button', { name: 'Start' }).isDisabled()).toBe(false)
    expect(complaints).toEqual([])
    await close()
  })

  it('is served as strictly as the dashboard, to this machine only', async () => {
    const place = { ...(await studiesAt('memory:none')), list: async () => [] } as Studies
    await using server = await serveDashboard({ studies: place, port: 0 })
    const policyOf = async (url: string) => (await fetch(url)).headers.get('content-security-policy') ?? ''
    const page = await fetch(demo.url)
    const script = /assets\/index-[\w-]+\.js/.exec(await page.text())![0]
    expect(await policyOf(`${demo.url}/${script}`)).toBe(await policyOf(demo.url))
    expect(await policyOf(demo.url)).toBe(
      (await policyOf(server.url)).replace("script-src 'self'", "script-src 'self' 'wasm-unsafe-eval'"),
    )
    expect((await fetch(`${demo.url}/nothing.js`)).status).toBe(404)
  })
})

describe('answersInPage', () => {
  it('answers what the server of the dashboard answers, and tells the news', async () => {
    const place = await studiesAt('memory:answers')
    const study = await place.open('one', { mode: 'write' })
    const answers = answersInPage(place)
    await using search = createSearch({
      space: toySpace(),
      evaluator: ({ filters }) => ({ filters }),
      plugins: [random()],
      objectives: { filters: 'maximise' },
      budget: { maxTrials: 5 },
      study,
    })
    await search.finish()
    await using server = await serveDashboard({ studies: place, port: 0 })
    for (const path of [
      '/api/studies',
      '/api/studies/one/course?metric=filters',
      '/api/studies/one/trials?sort=filters&order=descending',
      '/api/studies/one/trials/3',
      '/api/studies/one/trials/3/course',
      '/api/studies/one/compared',
    ])
      expect(await answers.ask(path), path).toEqual(await (await fetch(server.url + path)).json())
    const seqs = await new Promise<number>((resolve) => {
      const end = answers.follow('one', 0, {
        connected: () => {},
        news: ({ standing }) => {
          end()
          resolve(standing.completed)
        },
      })
    })
    expect(seqs).toBe(5)
    await expect(answers.ask('/api/studies/none')).rejects.toThrow('ARCHLOOM_STUDY_NOT_FOUND')
    await expect(answers.ask('/api/studies/one/nothing')).rejects.toThrow('ARCHLOOM_DASHBOARD_QUERY')
    await expect(answers.ask('/api/studies/one/trials/99')).rejects.toThrow('ARCHLOOM_DASHBOARD_TRIAL')
  })
})
