import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSearch, memoryStore, type Store, studiesAt } from 'archloom'
import { type DashboardServer, serveDashboard } from 'archloom/plugins/dashboard'
import { random } from 'archloom/plugins/random'
import { cellSpace } from 'archloom/search-spaces/cell'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeWhere } from '../../conditional-suites.ts'
import { eventfulStore } from '../eventful-study.ts'
import { chromiumPath, faults, inked, launch, openPage } from './chromium.ts'
import { measuredStudy } from './measured-study.ts'
import { panelsStore } from './panels-study.ts'
import { placeOf } from './place-of.ts'
import { stagedStore } from './staged-study.ts'

const text = (page: Page, selector = 'main') => page.locator(selector).first().innerText()

describeWhere(chromiumPath() !== undefined, 'the dashboard in a browser (needs chromium)', () => {
  let browser: Browser
  let server: DashboardServer
  let folder: string

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'archloom-dashboard-'))
    const cells = memoryStore('cells-1')
    const search = (study: Store, seed: number) =>
      createSearch({
        space: cellSpace(),
        evaluator: (architecture, _request, context) => {
          const ops = JSON.stringify(architecture).match(/sep_conv/g)?.length ?? 0
          for (const step of [1, 2, 3]) context.report(step, { accuracy: (ops * step) / 60 })
          return { accuracy: ops / 20, multiplyAdds: 1e6 * (1 + ops) }
        },
        plugins: [random()],
        objectives: { accuracy: 'maximise', multiplyAdds: { direction: 'minimise', atMost: 7e6 } },
        budget: { maxTrials: 30 },
        seed,
        study,
      })
    await using one = search(cells, 1)
    await one.finish()
    const again = memoryStore('cells-2')
    await using two = search(again, 2)
    await two.finish()
    const stores = {
      eventful: await eventfulStore(),
      measured: measuredStudy(5000).store,
      'cells-1': cells,
      'cells-2': again,
      stages: await stagedStore(),
      panels: await panelsStore(),
      empty: memoryStore('empty'),
    }
    server = await serveDashboard({ studies: placeOf(stores), port: 0 })
    browser = await launch()
  }, 120_000)
  afterAll(async () => {
    await browser?.close()
    await server?.close()
    await rm(folder, { recursive: true, force: true })
  })

  const pages = [
    ['/', 'measured'],
    ['/studies/measured', 'Pareto front'],
    ['/studies/eventful', 'no luck'],
    ['/studies/measured/trials', '5,000 trials'],
    ['/studies/cells-1/trials/7', 'Architecture'],
    ['/studies/eventful/trials/1', 'Failed: error'],
    ['/studies/cells-1/parallel', 'decisions that vary'],
    ['/studies/measured/importance', 'random sample of 1,000 of the 5,000'],
    ['/studies/stages/method', 'The stages began'],
    ['/studies/measured/method', 'reported no metrics'],
    ['/studies/panels/method', 'How far each gate is open.'],
    ['/studies/panels/workers', 'killed by SIGKILL'],
    ['/studies/eventful/workers', 'has reported no workers'],
    ['/studies/eventful/importance', 'expected at least 8'],
    ['/compare?studies=cells-1,cells-2', 'values differ'],
  ] as const

  it.each(pages)('%s shows what it should, to everybody and without complaints', async (path, wanted) => {
    for (const options of [
      { colorScheme: 'light' },
      { colorScheme: 'dark', viewport: { width: 390, height: 844 } },
    ] as const) {
      const { page, complaints, close } = await openPage(browser, server.url + path, options)
      await page.getByText(wanted, { exact: false }).first().waitFor({ timeout: 15_000 })
      await page.waitForTimeout(300)
      expect(await faults(page)).toEqual([])
      // Nothing sticks out of a phone.
      expect(await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0)
      // The browser itself reports an image that is not there.
      expect(complaints.filter((line) => !(path.includes('panels/method') && line.includes('404')))).toEqual([])
      await close()
    }
  })

  it('charts are drawn, a point tells what it is, and leads to its trial', async () => {
    const { page, complaints, close } = await openPage(browser, `${server.url}/studies/cells-1`)
    await page.locator('.chart canvas').first().waitFor()
    await page.waitForTimeout(500)
    expect(await inked(page)).toBeGreaterThan(3000)
    const over = page.locator('.chart').first().locator('.u-over')
    const box = (await over.boundingBox())!
    let hint = ''
    for (let x = 10; x < box.width && hint === ''; x += 10)
      for (let y = 10; y < box.height && hint === ''; y += 25) {
        await page.mouse.move(box.x + x, box.y + y)
        hint = await page
          .locator('.chart')
          .first()
          .locator('.hint')
          .innerText()
          .catch(() => '')
      }
    const [, trial] = /^trial (\d+)/.exec(hint) ?? []
    expect(trial).toBeDefined()
    await page.mouse.down()
    await page.mouse.up()
    await page.getByRole('heading', { name: `Trial ${trial}`, exact: true }).waitFor()
    await page.goBack()
    await page.getByRole('heading', { name: 'Pareto front' }).waitFor()
    expect(complaints).toEqual([])
    await close()
  })

  it('any two metrics make a front', async () => {
    const { page, close } = await openPage(browser, `${server.url}/studies/eventful`)
    await page.getByLabel('Across').selectOption('loss')
    await page.waitForURL(/x=loss/)
    await page.getByRole('img', { name: /accuracy against loss/ }).waitFor()
    await close()
  })

  it('importance is asked of any metric, over the space or among the best', async () => {
    const { page, complaints, close } = await openPage(browser, `${server.url}/studies/cells-1/importance`)
    await page.getByText('Computed from 30 completed trials.').waitFor()
    await page.getByLabel('Method').selectOption('ped-anova')
    await page.waitForURL(/method=ped-anova/)
    await page.getByText('the trials with the largest accuracy').waitFor()
    await page.getByLabel('Metric').selectOption('multiplyAdds')
    await page.getByText('the trials with the smallest multiplyAdds').waitFor()
    expect(await page.locator('table.bars rect').count()).toBeGreaterThan(2)
    expect(complaints).toEqual([])
    await close()
  })

  it('metrics of a method are drawn by step, with its stages', async () => {
    const { page, complaints, close } = await openPage(browser, `${server.url}/studies/stages/method`)
    for (const name of ['loss of the shared weights', 'entropy of the policy', 'gate.0 of pruner: gates'])
      await page.getByRole('img', { name: new RegExp(`^${name} by`) }).waitFor()
    await page.waitForTimeout(300)
    expect(await inked(page)).toBeGreaterThan(3000)
    const rows = page.getByRole('region', { name: 'Stages' }).locator('tbody tr')
    expect(await rows.allInnerTexts()).toEqual([
      expect.stringMatching(/^0\s+narrow\s+.*options 2$/),
      expect.stringMatching(/^1\s+wide\s+.*options 4$/),
    ])
    expect(complaints).toEqual([])
    await close()
  })

  it('panels that a plugin declares are drawn, with images that load', async () => {
    const { page, close } = await openPage(browser, `${server.url}/studies/panels/method`)
    await page.getByRole('img', { name: 'Gates: gate.0, gate.1 by event' }).waitFor()
    await page.getByRole('img', { name: 'Gates now: 0 0.1, 1 0.9' }).waitFor()
    await expect
      .poll(() =>
        page.evaluate(`document.querySelector('img[alt="Enlargements: name bridge, psnr 31.23"]').naturalWidth`),
      )
      .toBe(1)
    expect(await page.locator('main b').count()).toBe(0)
    await close()
  })

  it('trials are sorted, filtered and scrolled, with the keyboard as well', async () => {
    const { page, complaints, close } = await openPage(browser, `${server.url}/studies/measured/trials`)
    await page.getByRole('button', { name: 'accuracy' }).focus()
    await page.keyboard.press('Enter')
    await page.keyboard.press('Enter')
    await page.waitForURL(/order=descending/)
    const { trials } = measuredStudy(5000)
    const best = trials.toSorted((a, b) => b.accuracy - a.accuracy)
    const first = page.locator('tbody tr:not(.spacer) th').first()
    await expect.poll(() => first.innerText()).toBe(String(best[0]?.trial))
    const region = page.getByRole('region', { name: 'Table of trials' })
    await region.focus()
    await page.keyboard.press('End')
    const last = page.locator('tbody tr:not(.spacer) th').last()
    await expect.poll(() => last.innerText(), { timeout: 5000 }).toBe(String(best.at(-1)?.trial))
    expect(await page.locator('tbody tr').count()).toBeLessThan(120)
    await page.getByLabel('Filter').fill('accuracy>0.85 op=a')
    await page.keyboard.press('Enter')
    const count = trials.filter(({ accuracy, genotype }) => accuracy > 0.85 && genotype[0] === 0).length
    await page.getByText(`${count} trials`, { exact: true }).waitFor()
    await page.getByLabel('Filter').fill('accuracy>high')
    await page.getByRole('button', { name: 'Apply' }).click()
    await page.getByRole('alert').waitFor()
    // The browser itself reports the refused question.
    expect(complaints.filter((line) => !line.includes('400'))).toEqual([])
    await close()
  })

  it('hostile names are text', async () => {
    const { page, complaints, close } = await openPage(browser, `${server.url}/studies/eventful/trials/1`)
    await page.getByText('Failed: error').waitFor()
    expect(await text(page)).toContain('<img src=x')
    expect(await page.locator('main img, main script, main b').count()).toBe(0)
    await page.goto(`${server.url}/studies/${encodeURIComponent('<b>bold</b>')}`)
    await page.getByRole('alert').waitFor()
    expect(await text(page)).toContain('<b>bold</b>')
    expect(await page.locator('main b').count()).toBe(0)
    expect(complaints.filter((line) => !line.includes('404'))).toEqual([])
    await close()
  })

  it('the difference of two architectures is told', async () => {
    const { page, close } = await openPage(browser, `${server.url}/compare?studies=cells-1,cells-2`)
    await page.getByText(/of \d+ values differ/).waitFor()
    await page.getByLabel('Second study').selectOption('cells-1')
    await page.getByText('The architectures are equal.').waitFor()
    await page.getByRole('checkbox', { name: /cells-2/ }).uncheck()
    await page.waitForURL((url) => url.searchParams.get('studies') === 'cells-1')
    await close()
  })

  it('a search is watched from its first trial to its end, through a lost connection', async () => {
    const studies = await studiesAt(`journal:${folder}`)
    let own = await serveDashboard({ studies, port: 0 })
    const port = Number(new URL(own.url).port)
    const { page, complaints, close } = await openPage(browser, own.url)
    await page.getByText('No study is here yet').waitFor()
    let goOn = () => {}
    const half = new Promise<void>((resolve) => {
      goOn = resolve
    })
    await using search = createSearch({
      space: cellSpace(),
      evaluator: async (_architecture, { trial }) => {
        if (trial === 10) await half
        await new Promise((resolve) => setTimeout(resolve, 20))
        return { accuracy: trial / 20 }
      },
      plugins: [random()],
      objectives: { accuracy: 'maximise' },
      budget: { maxTrials: 20 },
      study: { name: 'live', directory: folder },
    })
    const finished = search.finish()
    await page.getByRole('link', { name: 'live' }).click()
    const ended = page.locator('.fact', { hasText: 'Trials ended' }).locator('dd')
    await expect.poll(() => ended.innerText(), { timeout: 15_000 }).toBe('10 of 20')
    expect(await text(page, '.heading')).toContain('running')
    await own.close()
    await page.getByText('Connection lost').waitFor()
    goOn()
    own = await serveDashboard({ studies, port })
    await finished
    await expect.poll(() => ended.innerText(), { timeout: 20_000 }).toBe('20 of 20')
    expect(await text(page, '.heading')).toContain('finished')
    await page.getByText('The search finished').waitFor()
    // Every trial is told of once.
    const told = await page.locator('ol.activity li a').allInnerTexts()
    expect(told).toEqual(Array.from({ length: 20 }, (_, i) => `trial ${19 - i}`))
    expect(
      complaints.filter((line) => !/ERR_CONNECTION_REFUSED|ERR_INCOMPLETE|ERR_CONNECTION_RESET/.test(line)),
    ).toEqual([])
    await close()
    await own.close()
  }, 90_000)
})
