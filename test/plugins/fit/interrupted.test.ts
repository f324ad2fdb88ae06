import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { seeded } from 'archloom'
import { drawScene, writePicture } from 'archloom/evaluators/data/images'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

let folder: string
const children: ChildProcess[] = []
beforeAll(() => {
  mkdirSync('.cache', { recursive: true })
  folder = resolve(mkdtempSync(join('.cache', 'interrupted-')))
})
afterAll(() => {
  for (const child of children) child.kill('SIGKILL')
  rmSync(folder, { recursive: true })
})

/** Runs archloom, sends a signal when it has printed a text, and waits for its end. */
async function interruptedAt(text: RegExp, signal: NodeJS.Signals, args: readonly string[]) {
  const child = spawn(process.execPath, ['core/cli/bin.mjs', ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  children.push(child)
  let said = ''
  let isSent = false
  const read = (chunk: Buffer) => {
    said += chunk.toString()
    if (isSent || !text.test(said)) return
    isSent = true
    child.kill(signal)
  }
  child.stdout.on('data', read)
  child.stderr.on('data', read)
  const code = await new Promise<number | null>((done) => child.on('close', done))
  return { code, said }
}

/** Far longer than any of these tests may take: what ends the run is the signal. */
const long = ['--minutes', '60']

describe('SIGTERM keeps what was found so far', () => {
  it('in fit of a table', { timeout: 120_000 }, async () => {
    const rng = seeded('rows')
    const lines = Array.from({ length: 300 }, () => {
      const x = rng.normal()
      return `${x},${rng.normal()},${x > 0 ? 'in' : 'out'}`
    })
    const file = join(folder, 'rows.csv')
    writeFileSync(file, `x,y,kind\n${lines.join('\n')}\n`)
    const out = join(folder, 'table')
    const { code, said } = await interruptedAt(/trial 1:/, 'SIGTERM', ['fit', file, ...long, '--out', out])
    expect(said).toMatch(/stopping after this step.*stopped early; for more, run the same command with more --minutes/s)
    expect(code).toBe(0)
    expect(JSON.parse(readFileSync(join(out, 'model.json'), 'utf8'))).toMatchObject({ kind: 'table' })
    expect(existsSync(join(out, 'model.onnx'))).toBe(true)
  })

  it('in fit of images to enlarge, while the winner is trained', { timeout: 120_000 }, async () => {
    const scenes = join(folder, 'scenes')
    mkdirSync(scenes)
    for (let i = 0; i < 4; i++) await writePicture(join(scenes, `${i}.png`), drawScene(64, 64, seeded(`scene ${i}`)))
    const out = join(folder, 'upscaler')
    const args = ['fit', scenes, '--task', 'upscale', '--trials', '1', '--max-parameters', '3000', '--minutes', '0.5']
    const { code, said } = await interruptedAt(/winner:/, 'SIGTERM', [...args, '--out', out])
    expect(said).toContain('stopped early')
    expect(code).toBe(0)
    expect(JSON.parse(readFileSync(join(out, 'model.json'), 'utf8'))).toMatchObject({ kind: 'compact', scale: 2 })
  })

  it('in a super-resolution training', { timeout: 180_000 }, async () => {
    const out = join(folder, 'super-resolution')
    const args = ['--steps', '400', '--features', '4', '--blocks', '1', '--out', out]
    const { code, said } = await interruptedAt(/step \d+:/, 'SIGTERM', ['run', 'examples/super-resolution.ts', ...args])
    expect(said).toMatch(/stopped after \d+ of 400 steps; the network of that moment is in/)
    expect(code).toBe(0)
    const { notes } = JSON.parse(readFileSync(join(out, 'model.json'), 'utf8'))
    expect(notes.stoppedOf).toBe(400)
    expect(notes.steps).toBeLessThan(400)
  })
})
