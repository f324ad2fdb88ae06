import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generatedImages } from 'archloom/evaluators/data'
import { expect, it } from 'vitest'
import { main } from '../../../examples/cnas.ts'

it('examples/cnas.ts searches in stages and trains its winner', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'archloom-cnas-example-'))
  try {
    const said: string[] = []
    const data = generatedImages({ classes: 3, size: 16, train: 64, validation: 32, test: 32 })
    const result = await main({ data, weightSteps: 1, retrainEpochs: 1, directory, log: (text) => said.push(text) })
    expect(said.filter((text) => text.startsWith('stage '))).toHaveLength(3)
    expect(said.filter((text) => text.startsWith('  derived'))).toHaveLength(5)
    expect(result.testAccuracy).toBeGreaterThanOrEqual(0)
    expect(result.architecture.normal).toHaveLength(2)
  } finally {
    rmSync(directory, { recursive: true })
  }
})
