import { engine } from '../../../plugins/tensorflow/index.ts'
import { describeWhere } from '../../conditional-suites.ts'
import { operatorContract } from '../operator-contract.ts'

const availability = await engine.available()
const skipped = availability.ok ? '' : ` (skipped: ${availability.reason})`

describeWhere(availability.ok, `tensorflow against cpu${skipped}`, () => operatorContract('tensorflow', { share: 0.3 }))
