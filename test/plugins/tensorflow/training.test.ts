import { describe } from 'vitest'
import { engine } from '../../../plugins/tensorflow/index.ts'
import { engineContract } from '../engine-contract.ts'

const availability = await engine.available()
const note = availability.ok ? ` (${availability.version})` : ` (skipped: ${availability.reason})`

describe.skipIf(!availability.ok)(`tensorflow against cpu${note}`, () => engineContract('tensorflow'))
