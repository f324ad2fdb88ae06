import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readStudy } from 'archloom'
import { afterAll, beforeAll, expect, test } from 'vitest'

const bin = fileURLToPath(new URL('../../../core/cli/bin.mjs', import.meta.url))
const module = (name: string) => fileURLToPath(new URL(`./modules/${name}.ts`, import.meta.url))
let directory: string

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'archloom-bin-'))
})
afterAll(() => rmSync(directory, { recursive: true }))

/** The command in a process of its own. `when` is called with all of stderr again and again. */
function archloom(args: readonly string[], when: (stderr: string, child: ChildProcess) => void = () => {}) {
  const child = spawn(process.execPath, [bin, ...args], { cwd: directory })
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (chunk) => {
    stdout += chunk
  })
  child.stderr.on('data', (chunk) => {
    stderr += chunk
  })
  const watch = setInterval(() => when(stderr, child), 20)
  return new Promise<{ code: number | null; stdout: string; stderr: string; json: () => Record<string, unknown> }>(
    (resolve) =>
      child.on('close', (code) => {
        clearInterval(watch)
        const json = () => JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '')
        resolve({ code, stdout, stderr, json })
      }),
  )
}

const slow = ['run', module('digits'), '--trials', '6', '--trial-ms', '300']
const folder = (study: string) => join(directory, 'archloom-studies', study)
/** What was tried, and what came of it. */
const study = (name: string) => readStudy(name, { directory: join(directory, 'archloom-studies') })
const course = async (name: string) =>
  (await study(name)).trials.map(({ text, seed, status, metrics }) => ({ text, seed, status, metrics }))

test('whoever reads the output may leave, as head does', async () => {
  const child = spawn(process.execPath, [bin, 'ls'], { cwd: directory })
  let stderr = ''
  child.stderr.on('data', (chunk) => {
    stderr += chunk
  })
  // Closed long before the command has anything to write.
  child.stdout.destroy()
  expect(await new Promise((resolve) => child.on('close', resolve))).toBe(0)
  expect(stderr).not.toMatch(/EPIPE|Error/)
})

test('runs TypeScript, in forks and workers too, and prints what a program returns', async () => {
  const { code, json } = await archloom(['run', module('program'), '--answer', '42', '--json'])
  expect(code).toBe(0)
  expect(json()).toEqual({ answer: 42, fromFork: 'child of 0.1.0', fromWorker: 'child of 0.1.0' })
})

test('a module is loaded as a module, whatever its package.json says about .js and .ts', async () => {
  const program = (returned: string) => `import { join } from 'node:path'\nexport const main = () => ${returned}\n`
  writeFileSync(join(directory, 'plain.js'), program("({ joined: join('a', 'b') })"))
  writeFileSync(join(directory, 'typed.ts'), program("({ joined: join('a', 'b') }) satisfies object"))
  for (const type of ['"commonjs"', '"module"', undefined]) {
    writeFileSync(join(directory, 'package.json'), type === undefined ? '{}' : `{ "type": ${type} }`)
    for (const file of ['plain.js', 'typed.ts']) {
      const { code, stderr, json } = await archloom(['run', file, '--json'])
      expect(code, `${file} in ${type}: ${stderr}`).toBe(0)
      expect(json()).toEqual({ joined: 'a/b' })
    }
  }
  rmSync(join(directory, 'package.json'))
})

test('misuse ends the process with 2, failure with 1', async () => {
  expect((await archloom(['run', '--nonsense'])).code).toBe(2)
  const missing = await archloom(['show', 'nothing'])
  expect(missing.code).toBe(1)
  expect(missing.stderr).toMatch(/^ARCHLOOM_STUDY_NOT_FOUND/)
})

test('Ctrl-C stops cleanly and says how to resume; the resumed study equals one that never stopped', async () => {
  let sent = false
  const stopped = await archloom([...slow, '--study', 'cut', '--json'], (_, child) => {
    if (!sent && existsTrial('cut', 2)) {
      sent = true
      child.kill('SIGINT')
    }
  })
  expect(stopped.code).toBe(0)
  expect(stopped.stderr).toContain('press Ctrl-C again')
  expect(stopped.stderr).toMatch(/stopped; continue with .*npx archloom resume archloom-studies\/cut/)
  expect(stopped.json()).toMatchObject({ status: 'stopped' })
  expect(stopped.json()).not.toHaveProperty('testAccuracy')
  expect((await study('cut')).state.completed).toBeLessThan(5)

  const resumed = await archloom(['resume', 'archloom-studies/cut', '--trial-ms', '0', '--json'])
  expect(resumed.code).toBe(0)
  expect(resumed.json()).toMatchObject({ status: 'finished', trials: 6, failed: 1, testAccuracy: 0.5 })
  await archloom(['run', module('digits'), '--trials', '6', '--study', 'whole'])
  expect(await course('cut')).toEqual(await course('whole'))
})

test('a second Ctrl-C leaves at once, and loses no finished trial', async () => {
  let times = 0
  const left = await archloom([...slow, '--deaf', '--trial-ms', '5000', '--study', 'deaf'], (stderr, child) => {
    if (times === 0 && stderr.includes('trial 0')) times = Number(child.kill('SIGINT'))
    else if (times === 1 && stderr.includes('again')) times += Number(child.kill('SIGINT'))
  })
  expect(left.code).toBe(130)
  expect((await study('deaf')).trials).toHaveLength(1)
})

test.each([
  ['SIGTERM', 143],
  ['SIGINT', 130],
] as const)('%s ends a program that does not use the signal it is offered', async (signal, code) => {
  let isSent = false
  const ended = await archloom(['run', module('unheeding'), '--json'], (stderr, child) => {
    if (isSent || !stderr.includes('working')) return
    isSent = true
    child.kill(signal)
  })
  expect(ended.code).toBe(code)
})

test('SIGTERM ends a search whose evaluation ignores it, and loses no finished trial', async () => {
  let isSent = false
  const ended = await archloom([...slow, '--deaf', '--trial-ms', '600000', '--study', 'ignoring'], (stderr, child) => {
    if (isSent || !stderr.includes('trial 0')) return
    isSent = true
    child.kill('SIGTERM')
  })
  expect(ended.code).toBe(143)
  expect((await study('ignoring')).state.proposed).toBe(1)
})

function existsTrial(study: string, trial: number): boolean {
  try {
    return readFileSync(join(folder(study), 'journal.jsonl'), 'utf8').includes(
      `"type":"trial.proposed","trial":${trial}`,
    )
  } catch {
    return false
  }
}
