import { stripVTControlCharacters } from 'node:util'
import type { SearchEvent } from 'archloom'
import { virtualClock } from 'archloom'
import { ReplaySubject, Subject } from 'rxjs'
import { expect, test } from 'vitest'
import { initialView, insideLine, progressDisplay, summaryLine, timeLeft, view } from '../../../core/cli/progress.ts'
import { recorder } from './terminal.ts'

const started = (budget: object, at = 0): SearchEvent =>
  ({
    seq: 0,
    type: 'search.started',
    archloom: '0',
    study: 's',
    space: { name: 'x', fingerprint: 'f', decisions: [] },
    parts: {},
    objectives: [{ metric: 'accuracy', direction: 'maximise', weight: 1, scale: 1 }],
    budget,
    seed: 1,
    concurrency: 1,
    at,
  }) as unknown as SearchEvent
const proposed = (trial: number, at: number): SearchEvent => ({
  seq: 1,
  type: 'trial.proposed',
  trial,
  genotype: [0],
  seed: 1,
  at,
})
const progress = (trial: number, step: number, at: number): SearchEvent => ({
  seq: 1,
  type: 'trial.progress',
  trial,
  step,
  metrics: { loss: 2.25 },
  at,
})
const completed = (trial: number, accuracy: number, at: number): SearchEvent => ({
  seq: 1,
  type: 'trial.completed',
  trial,
  genotype: [0],
  metrics: { accuracy },
  reward: accuracy,
  feasible: true,
  elapsedMs: 1000,
  at,
})
const failed = (trial: number, at: number): SearchEvent => ({
  seq: 1,
  type: 'trial.failed',
  trial,
  genotype: [0],
  reason: 'error',
  code: 'X',
  message: 'm',
  elapsedMs: 1,
  at,
})
const fold = (events: readonly SearchEvent[]) => events.reduce(view, initialView)

test('time left follows the mean time of a trial, less what the running one has had', () => {
  const events = [started({ maxTrials: 5 }), proposed(0, 0), completed(0, 0.5, 10_000)]
  expect(timeLeft(fold([started({ maxTrials: 5 })]), 0)).toBeUndefined()
  expect(timeLeft(fold(events), 10_000)).toBe(40_000)
  expect(timeLeft(fold([...events, proposed(1, 10_000)]), 14_000)).toBe(36_000)
  // A trial that takes longer than usual is taken to end any moment.
  expect(timeLeft(fold([...events, proposed(1, 10_000)]), 30_000)).toBe(30_000)
})

test('a limit of time is kept, whichever ends first', () => {
  const events = [started({ maxTrials: 100, seconds: 60 }), proposed(0, 0), completed(0, 0.5, 10_000)]
  expect(timeLeft(fold(events), 10_000)).toBe(50_000)
  expect(timeLeft(fold([started({ minutes: 1 })]), 15_000)).toBe(45_000)
})

test('the lines say trial, best, rate, failures, time left, and what happens inside', () => {
  const events = [
    ...[started({ maxTrials: 4 }), proposed(0, 0), progress(0, 8, 4000), completed(0, 0.25, 5000)],
    ...[proposed(1, 5000), failed(1, 10_000), proposed(2, 10_000)],
  ]
  expect(summaryLine(fold(events), 10_000)).toBe(
    'trial 2/4  best accuracy 0.2500 (trial 0)  12 trials/min  1 failed  10 s left',
  )
  expect(insideLine(fold(events), 12_000)).toBe('trial 2  2 s')
  // The steps of a whole trial are known once one has ended.
  expect(insideLine(fold([...events, progress(2, 4, 12_000)]), 13_000)).toBe('trial 2: step 4/8  loss 2.250  3 s')
})

test('on a terminal the display redraws two lines in place; elsewhere it writes plain lines now and then', () => {
  const events = new Subject<SearchEvent>()
  const clock = virtualClock()
  const [live, plain] = [recorder({ isTTY: true, columns: 60 }), recorder()]
  {
    using display = progressDisplay(events, { terminal: live, clock })
    using _plain = progressDisplay(events, { terminal: plain, clock })
    events.next(started({ maxTrials: 3 }))
    for (const [i, event] of [proposed(0, 0), progress(0, 1, 1), completed(0, 0.5, 2)].entries()) {
      clock.advance(i === 0 ? 200 : 1)
      events.next(event)
    }
    display.above('a word')
    clock.advance(6000)
    events.next(proposed(1, 6202))
  }
  const clear = '\r\u001b[2K\u001b[1A\u001b[2K'
  expect(live.text).toContain(clear)
  expect(live.text).toContain('a word\n')
  const lines = stripVTControlCharacters(live.text).split(/[\n\r]/)
  // The last word stays on the screen, whole.
  expect(lines.slice(-2)).toEqual([expect.stringMatching(/^trial 1\/3 .*left$/), ''])
  for (const line of lines.slice(0, -2)) expect(line.length).toBeLessThan(60)
  expect(plain.text).not.toContain('\u001b')
  expect(plain.text.trimEnd().split('\n')).toEqual([
    'trial 0/3',
    'trial 1/3  best accuracy 0.5000 (trial 0)  30.0 k trials/min  12 s left  [trial 1  0 s]',
    expect.stringMatching(/^trial 1\/3/),
  ])
})

test('a warning is said at once, above the display; those of earlier sessions are not repeated', () => {
  const warning = (message: string): SearchEvent => ({ seq: 1, type: 'search.warning', code: 'W', message, at: 0 })
  const events = new ReplaySubject<SearchEvent>()
  events.next(started({ maxTrials: 3 }))
  events.next(warning('old'))
  const plain = recorder()
  using _display = progressDisplay(events, { terminal: plain, clock: virtualClock() })
  events.next(warning('new'))
  expect(plain.text).toContain('warning  W: new')
  expect(plain.text).not.toContain('old')
})
