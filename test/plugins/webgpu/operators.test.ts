import { describe } from 'vitest'
import { operatorContract } from '../operator-contract.ts'
import { availability, skipped } from './adapter.ts'

describe.skipIf(!availability.ok)(`webgpu against cpu${skipped}`, () => operatorContract('webgpu', { share: 0.3 }))
