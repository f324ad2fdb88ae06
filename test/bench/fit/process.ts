// One unit of `npm run bench -- fit`, as a process of its own: what was compiled for one arm must not help the next.
import { runUnit, type Unit } from './units.ts'

const unit: Unit = JSON.parse(process.argv[2] ?? '')
process.stdout.write(`${JSON.stringify(await runUnit(unit))}\n`)
process.exit(0)
