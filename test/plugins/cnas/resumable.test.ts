import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type Progress, seeded } from '../../../core/index.ts'
import { useEngine } from '../../../core/tensor/index.ts'
import { generatedImages } from '../../../evaluators/data/index.ts'
import { cosine, linear } from '../../../evaluators/training/index.ts'
import { type ArmSettings, runArm } from '../../../plugins/cnas/experiment/arms.ts'
import { resumableTrainer } from '../../../plugins/cnas/experiment/resumable-trainer.ts'
import { nasBench201Space } from '../../../search-spaces/nas-bench-201/index.ts'

const data = generatedImages({ classes: 2, size: 8, train: 24, validation: 16, test: 16 })
const folders: string[] = []
const folder = () => {
  const made = mkdtempSync(join(tmpdir(), 'archloom-retraining-'))
  folders.push(made)
  return made
}
const clean = () => {
  for (const made of folders.splice(0)) rmSync(made, { recursive: true })
}

describe('retraining', () => {
  const space = nasBench201Space({ channels: 2, cells: 1 })
  const trained = async (directory: string, epochs: number, stopAfter?: number, settings = 'a') => {
    await useEngine('wasm')
    using network = space.build(space.decode([3, 1, 3, 1, 2, 3]), {
      input: [8, 8, 3],
      classes: 2,
      rng: seeded(1),
    })
    const trainer = resumableTrainer({
      directory,
      batchSize: 8,
      clipNorm: 5,
      learningRate: cosine({ peak: 0.05 }),
      dropPath: linear({ from: 0, to: 0.2 }),
      identity: { space: space.fingerprint, spaceName: space.name, settings },
    })
    const reports: Progress[] = []
    for await (const progress of trainer.fit(network, data.train, { epochs, rng: seeded(3) })) {
      if (progress.epoch === stopAfter) break
      reports.push(progress)
    }
    return { reports, weights: network.trainable.map((variable) => [...variable.dataSync()]) }
  }

  it('that was killed goes on as if it had not been', async () => {
    try {
      const whole = await trained(folder(), 4)
      expect(whole.reports.map(({ epoch, step, steps }) => [epoch, step, steps])).toEqual([
        [1, 3, 12],
        [2, 6, 12],
        [3, 9, 12],
        [4, 12, 12],
      ])
      const directory = folder()
      // Killed in its third epoch: two are done.
      await trained(directory, 4, 3)
      const rest = await trained(directory, 4)
      expect(rest.reports).toEqual(whole.reports.slice(2))
      expect(rest.weights).toEqual(whole.weights)
      // Nothing is left to do, and the weights are there.
      const again = await trained(directory, 4)
      expect(again.reports).toEqual([])
      expect(again.weights).toEqual(whole.weights)
      await expect(trained(directory, 4, undefined, 'b')).rejects.toThrow('ARCHLOOM_CHECKPOINT_OTHER')
    } finally {
      clean()
    }
  })
})

describe('an arm of the experiment', () => {
  const settings: ArmSettings = {
    space: {
      nodes: 1,
      channels: 4,
      cells: 2,
      reductions: [1],
      stemMultiplier: 1,
      operations: ['sep_conv_3x3', 'skip_connect'],
    },
    batchSize: 8,
    warmUpEpochs: 1,
    epochs: 1,
    weightSteps: 1,
    policySteps: 2,
    candidates: 2,
    controller: { hidden: 8 },
    retraining: { epochs: 2, batchSize: 8, schedule: { learningRate: cosine({ peak: 0.05 }) } },
  }
  const run = async (directory: string, stopAt?: string) => {
    const abort = new AbortController()
    const said: string[] = []
    const log = (text: string) => {
      said.push(text)
      if (stopAt !== undefined && text.includes(stopAt)) abort.abort(new Error('killed'))
    }
    const arm = { arm: 'curriculum', settings, data, seed: 1, log, signal: abort.signal, directory } as const
    return { result: await runArm(arm).catch((thrown: Error) => thrown), said }
  }

  it('goes on from its search and from its retraining, and ends where it would have ended', async () => {
    try {
      const { result: whole, said } = await run(folder())
      expect(whole).toMatchObject({ weightSteps: 4, policySteps: 4 })
      expect(said.filter((text) => text.includes('retraining epoch'))).toHaveLength(2)
      const directory = folder()
      expect((await run(directory, 'epoch 2,')).result).toBeInstanceOf(Error)
      expect((await run(directory, 'retraining epoch 1')).result).toBeInstanceOf(Error)
      const { result, said: rest } = await run(directory)
      const { testAccuracy, architecture, sharedAccuracy } = whole as Exclude<typeof whole, Error>
      expect(result).toMatchObject({ testAccuracy, architecture, sharedAccuracy })
      expect(rest.filter((text) => text.includes('retraining epoch')).length).toBeLessThanOrEqual(2)
    } finally {
      clean()
    }
  })
})
