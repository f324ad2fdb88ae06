import { expect, it } from 'vitest'
import { messageOf } from '../../../core/errors.ts'
import { buildFromWheel, engine } from '../../../plugins/tensorflow/index.ts'
import { describeWhere } from '../../conditional-suites.ts'
import { runSuite } from '../onnxruntime/tfjs-core-suite.ts'

const loud = 'TensorFlow has no such operation and says so'
const better = 'right here, where tfjs-core is wrong or refuses'

/** Specs that may fail, and why. */
const accepted: readonly { readonly spec: RegExp; readonly because: string }[] = [
  { spec: /^(avg|max)Pool3d .* p=/, because: loud },
  { spec: /^fused conv2d .*NCHW/, because: loud },
  { spec: /^(greater|less)(Equal)? .* string comparison/, because: loud },
  { spec: /^(diag tensorflow \{\} bool|leakyrelu .* int32|step kernel .* int32)/, because: loud },
  { spec: /^conv2dTranspose .*=8x8x8,/, because: 'oneDNN in some versions of the library refuses this shape' },
  { spec: /^(depthwiseConv2d gradients|einsum|mirrorPad) /, because: better },
  { spec: /^avgPool .* gradient .*p=explicit/, because: better },
  { spec: /^maxPool .* ignores NaNs/, because: 'NaN stays NaN on every engine of archloom' },
  { spec: /^gradients .* missing grads/, because: better },
  { spec: /^pool .* f=\[1,1\] s=2 p=1/, because: 'windows of padding alone have no value' },
  { spec: /^(sign|unique) /, because: 'TensorFlow treats NaN in its own way' },
  { spec: /^div .* gradient: .*int32/, because: 'no gradient is taken through integers' },
  { spec: /^tan .* precision/, because: 'the last bit of a single-precision number' },
]

const wanted = process.env.ARCHLOOM_SLOW === '1'
let availability = await engine.available()
if (wanted && !availability.ok) {
  try {
    await buildFromWheel()
    availability = await engine.available()
  } catch (thrown) {
    availability = { ok: false, reason: messageOf(thrown), remedy: '' }
  }
}
const absent = availability.ok ? '' : ` (skipped: ${availability.reason})`
const note = wanted ? absent : ' (skipped: set ARCHLOOM_SLOW=1 to run it)'

describeWhere(wanted && availability.ok, `tfjs-core's own specs on tensorflow${note}`, () => {
  it('pass, but for named exceptions', { timeout: 300_000 }, async () => {
    const register = `import { engine } from '../../plugins/tensorflow/index.ts'
      beforeAll(() => engine.start())`
    const { specs, failed } = await runSuite('tensorflow', register)
    expect(specs).toBeGreaterThan(4100)
    expect(failed.filter(({ name }) => !accepted.some(({ spec }) => spec.test(name)))).toEqual([])
  })
})
