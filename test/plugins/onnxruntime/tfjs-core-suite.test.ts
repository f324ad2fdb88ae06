import { describe, expect, it } from 'vitest'
import { runSuite } from './tfjs-core-suite.ts'

/** Specs that pass on the cpu engine and not here, and why that is accepted. */
const accepted: Readonly<Record<string, string>> = {
  'maxPool onnxruntime {} [x=[3,3,1] f=[2,2] s=1 ignores NaNs':
    'not-a-number under a max-pool window is passed on, as in PyTorch, instead of hidden',
}

describe("tfjs-core's own specs", () => {
  it('pass on onnxruntime, but for the exceptions named here', { timeout: 600_000 }, async () => {
    const register = `import { start } from '../../plugins/onnxruntime/start.ts'\nstart({ threads: 2 })`
    const { specs, failed } = await runSuite('onnxruntime', register)
    expect(specs).toBeGreaterThan(4_100)
    expect(failed.filter(({ name }) => !(name in accepted))).toEqual([])
    expect(failed.map(({ name }) => name).sort()).toEqual(Object.keys(accepted).sort())
  })
})
