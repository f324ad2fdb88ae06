import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

/** Values that a door exports. Adding a name is a decision: change the list here, and say so in CHANGELOG.md. */
const doors: Readonly<Record<string, readonly string[]>> = JSON.parse(
  readFileSync(new URL('./public-surface.json', import.meta.url), 'utf8'),
)

it.each(Object.keys(doors))('%s exports what it is meant to', async (door) => {
  const module = (await import(door)) as Readonly<Record<string, unknown>>
  expect(Object.keys(module).sort()).toEqual([...doors[door]!].sort())
})

it('the main door is small', () => {
  expect(doors.archloom!.length).toBeLessThanOrEqual(60)
})
