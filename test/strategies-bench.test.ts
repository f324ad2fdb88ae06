/** The strategies bench on tables that `archloom table convert` writes; the files are made up in the published layout. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { seeded } from '../core/index.ts'
import { nasBench101Key, rowsAsCsv } from '../evaluators/tabular/index.ts'
import { formatTransNasMicro, transNasMicroSpace } from '../search-spaces/transnas-bench-101/index.ts'
import { canonicalCell, fileProblem } from './bench/strategies/file-problems.ts'
import { run } from './bench/strategies.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'archloom-strategies-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function transNas(): string {
  const space = transNasMicroSpace()
  const rows = [...space.enumerate()].flatMap((genotype) => {
    const worth = genotype.reduce((sum, value) => sum + value, 0)
    const architecture = formatTransNasMicro(space.decode(genotype))
    const full = { architecture, fidelity: 1, metrics: { validationTop1: worth, testTop1: 2 * worth } }
    return [{ ...full, fidelity: 0.5, metrics: { validationTop1: 99, testTop1: 99 } }, full]
  })
  const file = join(folder, 'transnas.csv')
  writeFileSync(file, rowsAsCsv(rows))
  return file
}

it('searches a converted table of TransNAS-Bench-101 and reports the test column of what validation chose', async () => {
  const table = transNas()
  const { results } = await run({ space: 'transnas', table, only: 'random,local-search', trials: 100, seeds: 3 })
  expect(results.map(({ name, unit }) => [name, unit])).toEqual([
    ['random', 'testTop1'],
    ['local-search', 'testTop1'],
  ])
  // Three is the largest of the four options of six edges.
  expect(results[1]!.value).toBe(36)
  expect(results[0]!.value).toBeLessThan(36)
})

it('refuses a missing table and columns that it lacks', async () => {
  await expect(run({ space: 'transnas', trials: 5, seeds: 1 })).rejects.toThrow(
    /ARCHLOOM_OPTION: bench: option "table"/,
  )
  const table = transNas()
  await expect(run({ space: 'transnas', table, chooses: 'loss', trials: 5, seeds: 1 })).rejects.toThrow(
    /option "chooses" is "loss"; expected one of the columns validationTop1, testTop1/,
  )
})

it('a cell of NAS-Bench-101 has one text, whatever the order of its vertices and what lies on no path', () => {
  const rng = seeded(3)
  const operations = ['conv1x1-bn-relu', 'conv3x3-bn-relu', 'maxpool3x3']
  const seen = new Set<string | undefined>()
  for (let trial = 0; trial < 200; trial++) {
    const matrix = Array.from({ length: 7 }, (_, i) => Array.from({ length: 7 }, (_, j) => i < j && rng.float() < 0.35))
    const names = ['input', ...Array.from({ length: 5 }, () => rng.pick(operations)), 'output']
    const order = [0, ...rng.shuffle([1, 2, 3, 4, 5]), 6]
    const moved = order.map((i) => order.map((j) => matrix[i]![j]!))
    const text = canonicalCell(matrix, names)
    expect(
      canonicalCell(
        moved,
        order.map((i) => names[i]!),
      ),
    ).toBe(text)
    seen.add(text)
  }
  expect(seen.size).toBeGreaterThan(50)
  const cell = (...rows: string[]) => rows.map((row) => [...row].map((bit) => bit === '1'))
  // The third vertex leads nowhere.
  expect(canonicalCell(cell('0110', '0001', '0000', '0000'), ['input', 'a', 'b', 'output'])).toBe('010001000 a')
  expect(canonicalCell(cell('010', '000', '000'), ['input', 'a', 'output'])).toBeUndefined()
})

it('finds cells of NAS-Bench-101 in a table by their graph; others count as the worst', () => {
  const file = join(folder, 'nb101.csv')
  const row = (adjacency: string, operations: string, worth: number) => ({
    architecture: nasBench101Key(adjacency, operations),
    metrics: { validationAccuracy: worth, testAccuracy: worth / 2 },
  })
  writeFileSync(
    file,
    rowsAsCsv([
      row('011001000', 'input,conv3x3-bn-relu,output', 0.9),
      row('010001000', 'input,maxpool3x3,output', 0.3),
    ]),
  )
  const problem = fileProblem({ space: 'nb101', table: file, protocol: 'honest' })
  const architecture = (...edges: readonly (readonly [number, number])[]) => {
    const flags = []
    for (let from = 0; from < 7; from++)
      for (let to = from + 1; to < 7; to++) flags.push(edges.some(([a, b]) => a === from && b === to))
    return { edges: flags, operations: Array<string>(5).fill('conv3x3-bn-relu') }
  }
  const of = (each: unknown) => problem.objectivesOf(problem.space.encode(each as never))
  expect(of(architecture([0, 4], [4, 6], [0, 6], [0, 1]))).toEqual([0.9])
  expect(of(architecture([0, 4], [4, 6]))).toEqual([0.3])
  expect(of(architecture([0, 4]))).toEqual([0.3])
  expect(problem.best).toBe(0.45)
  const drawn = problem.space.random(seeded(1))
  expect(drawn.slice(0, 21).filter((edge) => edge === 1).length).toBeLessThanOrEqual(9)
})
