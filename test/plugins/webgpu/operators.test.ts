import { describeWhere } from '../../conditional-suites.ts'
import { operatorContract } from '../operator-contract.ts'
import { availability, skipped } from './adapter.ts'

describeWhere(availability.ok, `webgpu against cpu${skipped}`, () => operatorContract('webgpu', { share: 0.3 }))
