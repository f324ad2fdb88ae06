/** Never finishes loading. */
import { writeFileSync } from 'node:fs'

writeFileSync(process.env.ARCHLOOM_TEST_MARK!, String(process.pid))
await new Promise((resolve) => setInterval(resolve, 2 ** 30))
export const evaluator = () => ({ value: 1 })
