/** Its first process is killed while it loads. */
import { existsSync, writeFileSync } from 'node:fs'

const mark = `${process.env.ARCHLOOM_TEST_MARK}-killed-once`
if (!existsSync(mark)) {
  writeFileSync(mark, '')
  process.kill(process.pid, 'SIGKILL')
}
export const evaluator = () => ({ metrics: { value: 1 } })
