/** Started under a limit of the size of files, which takes a part of a write and refuses the next, as a full disk does. */
import { join } from 'node:path'
import { createSearch } from '../../../../core/index.ts'
import { journalStore, replaceFile, replaceFileSync } from '../../../../core/node/index.ts'
import { saveSafetensors } from '../../../../core/tensor/index.ts'
import { writeCheckpoint } from '../../../../evaluators/weight-sharing/index.ts'
import { climbing, digits, sum } from '../../search/parts.ts'

const [what, folder] = process.argv.slice(2) as [string, string]
const weights = (count: number) => [{ name: 'w', shape: [count], data: new Float32Array(count).fill(1) }]
const identity = { method: 'm', space: 's', spaceName: 'n', settings: '{}' }
const checkpoint = (count: number) =>
  writeCheckpoint(folder, identity, { weights: weights(count), optimizer: { steps: 0, tensors: [] }, state: null })
const tensors = (count: number) =>
  saveSafetensors(join(folder, 'w.safetensors'), { save: async () => weights(count), load() {} })
const codeOf = async (act: () => unknown) => {
  try {
    await act()
    return 'none'
  } catch (thrown) {
    return (thrown as { code?: string }).code ?? String(thrown)
  }
}
const big = 100_000

const cases: Readonly<Record<string, () => Promise<unknown>>> = {
  async files() {
    checkpoint(10)
    await tensors(10)
    replaceFileSync(join(folder, 'sync'), 'good')
    await replaceFile(join(folder, 'async'), 'good')
    return [
      await codeOf(() => checkpoint(big)),
      await codeOf(() => tensors(big)),
      await codeOf(() => replaceFileSync(join(folder, 'sync'), Buffer.alloc(4 * big))),
      await codeOf(() => replaceFile(join(folder, 'async'), Buffer.alloc(4 * big))),
      await codeOf(async () => {
        const store = journalStore(join(folder, 'study'))
        await store.artifacts.write('a', Buffer.from('good'))
        try {
          await store.artifacts.write('a', Buffer.alloc(4 * big))
        } finally {
          await store.close()
        }
      }),
    ]
  },
  /** A search runs into the limit, twice. */
  async search() {
    const search = createSearch({
      space: digits,
      evaluator: (architecture) => ({ sum: sum(architecture as never) }),
      plugins: [climbing()],
      objectives: { sum: 'maximise' },
      budget: { maxTrials: 2000 },
      seed: 5,
      study: { name: 'mine', directory: folder },
    } as Parameters<typeof createSearch>[0])
    const codes = [await codeOf(() => search.finish()), await codeOf(() => search.finish())]
    codes.push(await codeOf(() => search[Symbol.asyncDispose]()))
    return codes
  },
}
process.stdout.write(`${JSON.stringify(await cases[what]?.())}\n`)
