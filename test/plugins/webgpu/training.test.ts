import { describeWhere } from '../../conditional-suites.ts'
import { engineContract } from '../engine-contract.ts'
import { availability, skipped } from './adapter.ts'

describeWhere(availability.ok, `webgpu against cpu${skipped}`, () => engineContract('webgpu', { runs: 8 }))
