import { expect, it } from 'vitest'
import { describeWhere } from '../../conditional-suites.ts'
import { runSuite } from '../onnxruntime/tfjs-core-suite.ts'
import { availability, skipped } from './adapter.ts'

/** Specs that may fail, and why. */
const accepted: readonly { readonly spec: RegExp; readonly because: string }[] = [
  { spec: /^fromPixels, mock canvas/, because: 'Node has no canvas' },
  { spec: /^gather .* throws when index is out of bound/, because: 'a GPU reads zeros there and cannot throw' },
  { spec: /^(cos|tan) /, because: 'WGSL bounds the error of cos and tan only between −π and π' },
]

// A minute and a half: every spec of tfjs-core on the processor's GPU.
const wanted = process.env.ARCHLOOM_SLOW === '1'
const note = wanted ? skipped : ' (skipped: set ARCHLOOM_SLOW=1 to run it)'

describeWhere(wanted && availability.ok, `tfjs-core's own specs on webgpu${note}`, () => {
  it('pass, but for named exceptions', { timeout: 900_000 }, async () => {
    const register = `import { engine } from '../../plugins/webgpu/index.ts'
      beforeAll(() => engine.start())`
    const { specs, failed } = await runSuite('webgpu', register)
    expect(specs).toBeGreaterThan(4100)
    expect(failed.filter(({ name }) => !accepted.some(({ spec }) => spec.test(name)))).toEqual([])
  })
})
