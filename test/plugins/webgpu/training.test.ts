import { describe } from 'vitest'
import { engineContract } from '../engine-contract.ts'
import { availability, skipped } from './adapter.ts'

describe.skipIf(!availability.ok)(`webgpu against cpu${skipped}`, () => engineContract('webgpu', { runs: 8 }))
