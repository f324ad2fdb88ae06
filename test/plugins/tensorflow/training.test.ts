import { engine } from '../../../plugins/tensorflow/index.ts'
import { describeWhere } from '../../conditional-suites.ts'
import { engineContract } from '../engine-contract.ts'

const availability = await engine.available()
const note = availability.ok ? ` (${availability.version})` : ` (skipped: ${availability.reason})`

describeWhere(availability.ok, `tensorflow against cpu${note}`, () => engineContract('tensorflow'))
