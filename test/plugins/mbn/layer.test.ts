import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, it } from 'vitest'
import { seeded } from '../../../core/random.ts'
import {
  batchNorm,
  countTensors,
  type Layer,
  type Normalisation,
  useEngine,
  type VariableScope,
  variableScope,
} from '../../../core/tensor/index.ts'
import {
  type MemorizedBatchNormOptions,
  mbnNormalisation,
  memorizedBatchNorm,
  type RefreshMode,
  weightsOf,
} from '../../../plugins/mbn/index.ts'
import { memoriesAmong } from '../../../plugins/mbn/memory.ts'
import { backward, combine, entryOf, normalised, type Table } from './reference.ts'

await useEngine('cpu')

const CHANNELS = 3
const train = (): RefreshMode => ({ training: true })
const refresh = (): RefreshMode => ({ training: true, memory: 'refresh' })
const infer = (): RefreshMode => ({ training: false })
const rng = seeded('mbn layer')
const table = (rows: number, shift = 0): number[][] =>
  Array.from({ length: rows }, () => Array.from({ length: CHANNELS }, (_, c) => rng.normal() * (c + 1) + shift))

interface Made {
  readonly layer: Layer
  readonly scope: VariableScope
}
function made(normalisation: Normalisation, affine = true, relu = false): Made & Disposable {
  const scope = variableScope({ rng: seeded(1) })
  return {
    layer: normalisation(scope, { channels: CHANNELS, affine, relu }),
    scope,
    [Symbol.dispose]: () => scope.dispose(),
  }
}
const run = (layer: Layer, x: Table, mode = train()): number[] =>
  tf.tidy(() => [...layer(tf.tensor2d(x as number[][]), mode).dataSync()])
/** Output and gradients of Σ g·y with respect to x, γ and β. */
function differentiate({ layer, scope }: Made, x: Table, g: Table, mode = train()) {
  return tf.tidy(() => {
    const input = tf.variable(tf.tensor2d(x as number[][]), true, `input-${scope.id}`)
    let y: number[] = []
    const { grads } = tf.variableGrads(
      () => {
        const output = layer(input, mode)
        y = [...output.dataSync()]
        return tf.sum(tf.mul(output, tf.tensor2d(g as number[][])))
      },
      [input, ...scope.trainable] as tf.Variable[],
    )
    const found = [input, ...scope.trainable].map((variable) => [...(grads[variable.name] as tf.Tensor).dataSync()])
    input.dispose()
    return { y, dx: found[0] as number[], dgamma: found[1], dbeta: found[2] }
  })
}
const memoryOf = (scope: VariableScope) => memoriesAmong(scope.stateful).map((variable) => [...variable.dataSync()])
const expectClose = (received: readonly number[], expected: Table, digits = 4) => {
  expect(received.length).toBe(expected.flat().length)
  expected.flat().forEach((value, i) => {
    expect(received[i]).toBeCloseTo(value, digits)
  })
}

/** Weights of batches of these many samples, the newest first. */
function uneven(samples: readonly number[], decay: number): readonly number[] {
  const raw = samples.map((count, age) => count * decay ** age)
  const total = raw.reduce((sum, weight) => sum + weight, 0)
  return raw.map((weight) => weight / total)
}

describe('the layer', () => {
  it('with a memory of one batch equals batch normalisation bit for bit, backwards too', () => {
    for (const relu of [false, true])
      for (const variance of ['averaged', 'pooled'] as const) {
        using own = made(memorizedBatchNorm({ batches: 1, variance }), true, relu)
        using stock = made(batchNorm, true, relu)
        for (const scope of [own.scope, stock.scope])
          scope.trainable.forEach((variable, i) => {
            tf.tidy(() => variable.assign(tf.tensor1d(i === 0 ? [1.5, 0.7, -2] : [0.1, -0.3, 0.9])))
          })
        for (const shift of [0, 4]) {
          const [x, g] = [table(6, shift), table(6)]
          expect(differentiate(own, x, g)).toEqual(differentiate(stock, x, g))
        }
      }
  })

  it('takes the first step of batch normalisation whatever the memory', () => {
    const [x, g] = [table(6, 3), table(6)]
    using stock = made(batchNorm)
    const expected = differentiate(stock, x, g)
    for (const options of [
      { batches: 7 },
      { family: 'uniform' },
      { family: 'infinite', variance: 'pooled' },
    ] as const) {
      using own = made(memorizedBatchNorm(options))
      expect(differentiate(own, x, g)).toEqual(expected)
    }
  })

  it.each<MemorizedBatchNormOptions>([
    { batches: 3, decay: 0.8 },
    { batches: 3, decay: 0.8, variance: 'pooled' },
    { family: 'uniform', batches: 2 },
    { family: 'infinite', decay: 0.7 },
    { family: 'infinite', decay: 0.7, variance: 'pooled' },
  ])('%o: five batches as in the reference', (options) => {
    using own = made(memorizedBatchNorm(options), false)
    const seen: Table[] = []
    const kind = options.variance ?? 'averaged'
    for (let t = 0; t < 5; t++) {
      const [x, g] = [table(5, 2 * t), table(5)]
      seen.unshift(x)
      const weights = weightsOf(options, seen.length)
      const statistics = combine(seen.slice(0, weights.length).map(entryOf), weights, kind)
      const { y, dx } = differentiate(own, x, g)
      expectClose(y, normalised(x, statistics))
      expectClose(dx, backward(x, g, statistics, kind))
      const other = table(3)
      expectClose(run(own.layer, other, infer()), normalised(other, statistics))
    }
  })

  it.each(['averaged', 'pooled'] as const)('%s: dγ = Σ dy·x̂, dβ = Σ dy and dx through γ and the ReLU', (variance) => {
    const options = { batches: 3, decay: 0.8, variance } as const
    const [gamma, beta] = [
      [1.5, 0.7, -2],
      [0.1, -0.3, 0.9],
    ] as const
    using own = made(memorizedBatchNorm(options), true, true)
    own.scope.trainable.forEach((variable, i) => {
      tf.tidy(() => variable.assign(tf.tensor1d([...(i === 0 ? gamma : beta)])))
    })
    const batches = [table(5, 3), table(4, -2), table(6, 1)] as const
    for (const batch of batches.slice(0, 2)) run(own.layer, batch)
    const [x, dy] = [batches[2], table(6)]
    const statistics = combine([...batches].reverse().map(entryOf), uneven([6, 4, 5], 0.8), variance)
    const unit = normalised(x, statistics)
    const y = unit.map((row) => row.map((v, c) => v * gamma[c]! + beta[c]!))
    const open = dy.map((row, j) => row.map((v, c) => ((y[j]?.[c] as number) > 0 ? v : 0)))
    const found = differentiate(own, x, dy)
    expectClose(
      found.y,
      y.map((row) => row.map((v) => Math.max(0, v))),
    )
    const scaled = open.map((row) => row.map((v, c) => v * gamma[c]!))
    expectClose(found.dx, backward(x, scaled, statistics, variance))
    const columns = [0, 1, 2].map((c) => open.map((row) => row[c] as number))
    const total = (values: readonly number[]) => values.reduce((sum, v) => sum + v, 0)
    expectClose(found.dbeta as number[], [columns.map(total)])
    expectClose(found.dgamma as number[], [
      columns.map((column, c) => total(column.map((v, j) => v * (unit[j]?.[c] as number)))),
    ])
  })

  it('gradient switches: stop leaves the statistics out, full takes the share as 1', () => {
    const batches = [table(5, 3), table(5, -1), table(5)]
    const g = table(5)
    const weights = weightsOf({ batches: 3 }, 3)
    const statistics = combine([...batches].reverse().map(entryOf), weights, 'averaged')
    for (const [gradient, share] of [
      ['stop', 0],
      ['full', 1],
      ['share', statistics.share],
    ] as const) {
      using own = made(memorizedBatchNorm({ batches: 3, gradient }), false)
      run(own.layer, batches[0] as Table)
      run(own.layer, batches[1] as Table)
      const { dx } = differentiate(own, batches[2] as Table, g)
      expectClose(dx, backward(batches[2] as Table, g, { ...statistics, share }, 'averaged'))
    }
  })

  it('weights uneven batches by their samples', () => {
    const batches = [table(8, 2), table(2, -3)]
    using own = made(memorizedBatchNorm({ family: 'uniform', batches: 2, variance: 'pooled' }), false)
    run(own.layer, batches[0] as Table)
    const y = run(own.layer, batches[1] as Table)
    // Equal weight a sample and pooled variance: the ten examples together.
    expectClose(y, normalised(batches[1] as Table, entryOf(batches.flat())))
  })

  it('an image is its positions, one row each', () => {
    using dense = made(memorizedBatchNorm({ batches: 3 }))
    using image = made(memorizedBatchNorm({ batches: 3 }))
    for (const shift of [0, 1, 2, 3]) {
      const x = table(24, shift)
      const y = tf.tidy(() => [
        ...image.layer(tf.reshape(tf.tensor2d(x as number[][]), [2, 3, 4, CHANNELS]), train()).dataSync(),
      ])
      expect(y).toEqual(run(dense.layer, x))
    }
  })

  it('outputs stay when all inputs of the memory move by a constant', () => {
    using one = made(memorizedBatchNorm({ batches: 3 }))
    using other = made(memorizedBatchNorm({ batches: 3 }))
    for (const shift of [0, 2, -1, 3]) {
      const x = table(6, shift)
      expectClose(
        run(
          other.layer,
          x.map((row) => row.map((v) => v + 5)),
        ),
        [run(one.layer, x)],
        4,
      )
    }
  })
})

describe('the second forward pass', () => {
  it('replaces the newest entry and nothing else', () => {
    using own = made(memorizedBatchNorm({ batches: 3 }))
    for (const shift of [0, 1, 2]) run(own.layer, table(4, shift))
    const [before = [], samplesBefore] = memoryOf(own.scope)
    const x = table(4, 9)
    run(own.layer, x, refresh())
    const [after = [], samplesAfter] = memoryOf(own.scope)
    expect(after.slice(2 * CHANNELS)).toEqual(before.slice(2 * CHANNELS))
    expect(samplesAfter).toEqual(samplesBefore)
    const { mean, variance } = entryOf(x)
    expectClose(after.slice(0, 2 * CHANNELS), [mean, variance], 5)
  })

  it.each<MemorizedBatchNormOptions>([{ batches: 4 }, { family: 'infinite', variance: 'pooled' }, { batches: 1 }])(
    '%o: twice is once, and on the same batch changes nothing; inference repeats its output exactly',
    (options) => {
      using own = made(memorizedBatchNorm(options))
      for (const shift of [0, 1, 2]) run(own.layer, table(4, shift))
      const last = table(4, 5)
      run(own.layer, last)
      const before = memoryOf(own.scope)
      const first = run(own.layer, last, refresh())
      expect(memoryOf(own.scope)).toEqual(before)
      expect(run(own.layer, last, refresh())).toEqual(first)
      expect(memoryOf(own.scope)).toEqual(before)
      expect(run(own.layer, last, infer())).toEqual(first)
      expect(memoryOf(own.scope)).toEqual(before)
    },
  )
})

describe('call sites', () => {
  it('each use in one forward pass has a memory of its own', () => {
    using tied = made(memorizedBatchNorm({ batches: 3, callSites: 2 }))
    using first = made(memorizedBatchNorm({ batches: 3 }))
    using second = made(memorizedBatchNorm({ batches: 3 }))
    for (const shift of [0, 1, 2]) {
      const [a, b] = [table(4, shift), table(4, 10 * shift)]
      const mode = train()
      expect(run(tied.layer, a, mode)).toEqual(run(first.layer, a))
      expect(run(tied.layer, b, mode)).toEqual(run(second.layer, b))
    }
    // A pass that uses the layer once, then a pass that uses it twice: the first use is the first site.
    const x = table(4)
    expect(run(tied.layer, x, infer())).toEqual(run(first.layer, x, infer()))
    expect(run(tied.layer, x, infer())).toEqual(run(first.layer, x, infer()))
  })
})

describe('state', () => {
  it('is saved and loaded with the network', async () => {
    using one = made(memorizedBatchNorm({ batches: 3 }))
    using other = made(memorizedBatchNorm({ batches: 3 }))
    for (const shift of [0, 1]) run(one.layer, table(4, shift))
    const records = await one.scope.save()
    expect(records.map(({ name }) => name)).toEqual(['gamma', 'beta', 'memory/statistics', 'memory/samples'])
    other.scope.load(records)
    const [x, next] = [table(4), table(4, 2)]
    expect(run(other.layer, x, infer())).toEqual(run(one.layer, x, infer()))
    // The third push drops the same entry.
    expect(run(other.layer, next)).toEqual(run(one.layer, next))
  })

  it('leaves no tensors behind', async () => {
    using own = made(memorizedBatchNorm({ family: 'infinite' }))
    run(own.layer, table(4))
    const left = await countTensors(() => {
      for (let t = 0; t < 3; t++) {
        differentiate(own, table(4), table(4))
        run(own.layer, table(4), refresh())
        run(own.layer, table(4), infer())
      }
    })
    expect(left).toEqual({ tensors: 0, buffers: 0 })
  })
})

describe('bad input', () => {
  it.each<[string, object]>([
    ['batches', { batches: 0 }],
    ['batches', { batches: 2.5 }],
    ['decay', { decay: 1 }],
    ['decay', { decay: Number.NaN }],
    ['family', { family: 'linear' }],
    ['variance', { variance: 'both' }],
    ['gradient', { gradient: 'half' }],
    ['epsilon', { epsilon: 0 }],
    ['callSites', { callSites: 0 }],
    ['whenEmpty', { whenEmpty: 'guess' }],
  ])('%s: %o is ARCHLOOM_OPTION', (option, options) => {
    expect(() => mbnNormalisation(options)).toThrow(new RegExp(`ARCHLOOM_OPTION: .*"${option}" is`))
  })

  it('one value a channel: ARCHLOOM_MBN_BATCH_OF_ONE where variances are averaged, finite where pooled', () => {
    using averaged = made(memorizedBatchNorm())
    expect(() => run(averaged.layer, table(1))).toThrow(/ARCHLOOM_MBN_BATCH_OF_ONE.*\[1, 3\].*pooled/)
    expect(memoryOf(averaged.scope)[1]).toEqual(new Array(10).fill(0))
    using pooled = made(memorizedBatchNorm({ variance: 'pooled' }))
    let y: number[] = []
    for (let t = 0; t < 5; t++) y = run(pooled.layer, table(1, t))
    expect(Math.max(...y.map(Math.abs))).toBeLessThan(10)
  })

  it('an empty memory: ARCHLOOM_MBN_MEMORY_EMPTY at inference, or the identity', () => {
    const x = table(4)
    using strict = made(memorizedBatchNorm())
    expect(() => run(strict.layer, x, infer())).toThrow('ARCHLOOM_MBN_MEMORY_EMPTY')
    using lenient = made(memorizedBatchNorm({ whenEmpty: 'identity' }))
    expectClose(run(lenient.layer, x, infer()), x, 3)
  })
})
