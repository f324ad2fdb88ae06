import * as tf from '@tensorflow/tfjs-core'
import { seeded } from 'archloom'
import { pointSplit, unpairedSplit } from 'archloom/evaluators/data'
import { exactTransport, linearTransport, pointsOf } from 'archloom/evaluators/metrics/transport'
import {
  convolutionalJointNetwork,
  criticLoss,
  denseJointNetwork,
  inverseQuadraticMmd,
  type JointNetwork,
  type JointObjective,
  jointNetwork,
  jointSteps,
  jwdm,
  jwdmTrainer,
  objectives,
  translate,
} from 'archloom/plugins/jwdm'
import { countTensors, identity, useEngine, variableScope } from 'archloom/tensor'
import { describe, expect, it } from 'vitest'
import { jointAgreement, jointFloor } from '../../../plugins/jwdm/joint-law.ts'
import { criticsLoss, generatorLosses } from '../../../plugins/jwdm/losses.ts'
import { resolveObjective } from '../../../plugins/jwdm/objective.ts'
import { forward } from '../../../plugins/jwdm/passes.ts'
import { normal } from './tensors.ts'

await useEngine('cpu')

const scalar = (x: tf.Tensor) => x.dataSync()[0] as number
const small = (seed = 1) => denseJointNetwork({ x: 2, y: 2, hidden: [8], rng: seeded(seed) })
const training = { training: true }

describe('the triple game', () => {
  const flat = (score: (x: tf.Tensor) => tf.Tensor) => score
  const objective = resolveObjective()

  it('JO6 is worth −4 ln 2 where nothing can be told apart, an ordinary game −2 ln 2', () => {
    const none = flat((x) => tf.zeros([x.shape[0] as number, 1]))
    const [real, fake, cycled] = [normal([5, 2], 1), normal([7, 2], 2), normal([5, 2], 3)]
    expect(-scalar(criticLoss(none, real, [fake, cycled], objective, seeded(1)))).toBeCloseTo(-2.772589, 5)
    expect(-scalar(criticLoss(none, real, [fake], objective, seeded(1)))).toBeCloseTo(-1.386294, 5)
  })

  it('JO6 has its optimum at D = 2p / (2p + q_f + q_c)', () => {
    // Three places; a critic is a score for each. Samples occur as often as the densities say.
    const [p, f, c] = [
      [5, 3, 2],
      [1, 7, 2],
      [4, 2, 4],
    ] as const
    const sample = (density: readonly number[]) =>
      tf.oneHot(
        density.flatMap((n, place) => new Array(n).fill(place)),
        3,
      )
    const scores = tf.variable(
      tf.tensor2d(p.map((density, i) => [Math.log((2 * density) / ((f[i] ?? 0) + (c[i] ?? 0)))])),
    )
    const criticise = (x: tf.Tensor) =>
      tf.matMul(tf.cast(x, 'float32') as tf.Tensor2D, scores as unknown as tf.Tensor2D)
    const value = () =>
      criticLoss(
        criticise,
        tf.cast(sample(p), 'float32'),
        [tf.cast(sample(f), 'float32'), tf.cast(sample(c), 'float32')],
        objective,
        seeded(1),
      )
    const { grads } = tf.variableGrads(value, [scores])
    for (const component of (grads[scores.name] as tf.Tensor).dataSync()) expect(component).toBeCloseTo(0, 6)
    scores.dispose()
  })
})

describe('the objective', () => {
  const perfect = (): JointNetwork => {
    const scope = variableScope({ rng: seeded(1) })
    const criticise = (x: tf.Tensor) => tf.zeros([x.shape[0] as number, 1])
    const domain = { shape: [2], encode: identity(), decode: identity(), criticise }
    return jointNetwork({ scope, latentShape: [2], x: domain, y: domain, criticiseLatent: criticise })
  }

  it('JO8 identity networks on one domain: R_x = R_y = 0, f = g = id, joint distance 0', () => {
    using network = perfect()
    tf.tidy(() => {
      const x = normal([20, 2], 1)
      const objective = resolveObjective()
      const losses = generatorLosses(network, forward(network, { x, y: x }, objective, training), objective)
      expect([scalar(losses.autoEncoder), scalar(losses.cycle)]).toEqual([0, 0])
      expect([...translate(network, 'x', x).dataSync()]).toEqual([...x.dataSync()])
      const agreement = jointAgreement(network, x, x)
      expect(agreement).toMatchObject({ joint: 0, marginalX: 0, marginalY: 0, cycle: 0, interpolation: 0 })
    })
  })

  it('adds its terms with their weights', () => {
    using network = small()
    tf.tidy(() => {
      const options = { autoEncoder: 2, cycle: 3, adversarial: { x: 0.5, y: 0.25 }, latent: 0.7 }
      const batch = { x: normal([4, 2], 1), y: normal([6, 2], 2) }
      const objective = resolveObjective(options)
      const parts = generatorLosses(network, forward(network, batch, objective, training), objective)
      const [loss, ae, cycle, games, latent] = [
        parts.loss,
        parts.autoEncoder,
        parts.cycle,
        parts.adversarial,
        parts.latent,
      ].map(scalar) as [number, number, number, number, number]
      expect(loss).toBeCloseTo(2 * ae + 3 * cycle + games + 0.7 * latent, 5)
      // Sums are over each domain's own count: what is cycled is compared with its own batch.
      const f = translate(network, 'x', batch.x)
      const back = translate(network, 'y', f)
      const g = translate(network, 'y', batch.y)
      const l1 = (a: tf.Tensor, b: tf.Tensor) => scalar(tf.mean(tf.abs(tf.sub(a, b))))
      expect(cycle).toBeCloseTo(l1(back, batch.x) + l1(translate(network, 'x', g), batch.y), 5)
    })
  })

  it('leaves out what has no weight', () => {
    using network = small()
    tf.tidy(() => {
      const batch = { x: normal([4, 2], 1), y: normal([4, 2], 2) }
      const objective = resolveObjective(objectives.independentGans)
      const passes = forward(network, batch, objective, training)
      expect([passes.x.reconstructed, passes.x.cycled, passes.y.translatedCode]).toEqual([
        undefined,
        undefined,
        undefined,
      ])
      const { autoEncoder, cycle, latent } = generatorLosses(network, passes, objective)
      expect([autoEncoder, cycle, latent].map(scalar)).toEqual([0, 0, 0])
    })
  })

  it('JO10 the discrepancy of codes in WAE’s form: −2(1 − k̄)/n a kernel of a batch with itself, and it can be descended', () => {
    tf.tidy(() => {
      const [n, dimension] = [6, 2]
      const a = normal([n, dimension], 1)
      const points = a.arraySync() as number[][]
      const expected = [0.1, 0.2, 0.5, 1, 2, 5, 10].reduce((sum, factor) => {
        const scale = 2 * dimension * factor
        let kernel = 0
        for (const [i, p] of points.entries())
          for (const [j, q] of points.entries())
            if (i !== j) kernel += scale / (scale + ((p[0] ?? 0) - (q[0] ?? 0)) ** 2 + ((p[1] ?? 0) - (q[1] ?? 0)) ** 2)
        return sum - (2 * (1 - kernel / (n * (n - 1)))) / n
      }, 0)
      expect(expected).toBeLessThan(-0.1)
      expect(scalar(inverseQuadraticMmd(a, a))).toBeCloseTo(expected, 5)
      // One point each, a distance of 2 apart: nothing within, −2·Σ C/(C + 4) across.
      const [p, q] = [tf.zeros([1, 1]), tf.tensor2d([[2]])]
      const apart = [0.2, 0.4, 1, 2, 4, 10, 20].reduce((sum, c) => sum - (2 * c) / (c + 4), 0)
      expect(scalar(inverseQuadraticMmd(p, q))).toBeCloseTo(apart, 5)
      // Alike laws are nearer than laws apart, whatever the sizes of the batches, and the gradient leads there.
      const far = tf.add(normal([9, dimension], 2), 3)
      expect(scalar(inverseQuadraticMmd(a, far))).toBeGreaterThan(scalar(inverseQuadraticMmd(a, normal([9, 2], 2))) + 1)
      const slope = tf.grad((z: tf.Tensor) => inverseQuadraticMmd(a, z))(far)
      const nearer = tf.sub(far, tf.mul(slope, 0.5))
      expect(scalar(inverseQuadraticMmd(a, nearer))).toBeLessThan(scalar(inverseQuadraticMmd(a, far)))
    })
  })

  it('matches codes without a critic of them where the discrepancy is asked for', () => {
    using network = small()
    const objective = resolveObjective({ latentMatch: 'mmd' })
    tf.tidy(() => {
      const batch = { x: normal([4, 2], 1), y: normal([6, 2], 2) }
      const passes = forward(network, batch, objective, training)
      const { latent } = generatorLosses(network, passes, objective)
      expect(scalar(latent)).toBeCloseTo(scalar(inverseQuadraticMmd(passes.x.code, passes.y.code)), 6)
      const games = scalar(criticsLoss(network, passes, objective, seeded(1)))
      const without = scalar(criticsLoss(network, passes, resolveObjective({ latent: 0 }), seeded(1)))
      expect(games).toBeCloseTo(without, 6)
    })
    using joint = jointSteps(network, { objective: { latentMatch: 'mmd' }, learningRate: 1e-3 })
    const losses = tf.tidy(() => joint.step(normal([4, 2], 1), normal([4, 2], 2), seeded(1)))
    for (const value of Object.values(losses)) expect(Number.isFinite(value)).toBe(true)
  })

  it('holds UNIT’s codes near N(0, I): half of twice the mean square, translations included', () => {
    using network = perfect()
    tf.tidy(() => {
      const batch = { x: normal([5, 2], 1), y: normal([5, 2], 2) }
      const objective = resolveObjective({ ...objectives.unit, codeNoise: 0 })
      const { latent } = generatorLosses(network, forward(network, batch, objective, training), objective)
      const square = (x: tf.Tensor) => scalar(tf.mean(tf.square(x)))
      expect(scalar(latent)).toBeCloseTo(2 * (square(batch.x) + square(batch.y)), 5)
    })
  })

  it('the critics see nothing of the makers’ variables, nor these of the critics’', () => {
    using network = small()
    tf.tidy(() => {
      const batch = { x: normal([4, 2], 1), y: normal([4, 2], 2) }
      for (const latentMatch of ['mutual', 'prior'] as const)
        for (const adversary of ['log', 'least-squares', 'wasserstein'] as const) {
          const objective = resolveObjective({ latentMatch, adversary })
          const passes = forward(network, batch, objective, training)
          const { grads } = tf.variableGrads(
            () => criticsLoss(network, passes, objective, seeded(1)),
            [...network.critics],
          )
          for (const gradient of Object.values(grads))
            expect(gradient.dataSync().every((value) => Number.isFinite(value))).toBe(true)
          expect(Object.values(grads)).toHaveLength(network.critics.length)
        }
    })
  })

  it.each([
    { cycle: -1 },
    { adversarial: { x: Number.NaN, y: 1 } },
    { latentMatch: 'none' },
    { adversary: 'wgan' },
    { distance: 'l3' },
  ])('refuses %j with ARCHLOOM_OPTION', (options) => {
    expect(() => jwdmTrainer({ objective: options as JointObjective })).toThrow(/ARCHLOOM_OPTION/)
  })
})

describe('a training step', () => {
  const values = (variables: readonly tf.Variable[]) => variables.flatMap((variable) => [...variable.dataSync()])

  it('updates the critics first, then the makers against the new critics', () => {
    const batch = { x: normal([4, 2], 1), y: normal([5, 2], 2) }
    const objective = resolveObjective()
    using together = small()
    using apart = small()
    using joint = jointSteps(together, { learningRate: 0.01 })
    joint.step(batch.x, batch.y, seeded(1))
    // The same by hand, pass by pass: Adam's first step is the learning rate times g / (|g| + ε).
    const stepped = (variables: readonly tf.Variable[], loss: () => tf.Scalar) =>
      tf.tidy(() => {
        const { grads } = tf.variableGrads(loss, [...variables])
        for (const variable of variables) {
          const g = grads[variable.name] as tf.Tensor
          variable.assign(tf.sub(variable as tf.Tensor, tf.mul(0.01, tf.div(g, tf.add(tf.abs(g), 1e-8)))))
        }
      })
    const passes = forward(apart, batch, objective, training)
    stepped(apart.critics, () => criticsLoss(apart, passes, objective, seeded(1)))
    stepped(apart.trainable, () => generatorLosses(apart, forward(apart, batch, objective, training), objective).loss)
    const [ours, theirs] = [values(together.scope.trainable), values(apart.scope.trainable)]
    let off = 0
    for (const [i, value] of ours.entries()) if (Math.abs(value - theirs[i]!) > 1e-4) off++
    // A gradient of nearly 0 may have either sign in float32.
    expect(off).toBeLessThanOrEqual(ours.length * 0.01)
  })

  it.each(Object.keys(objectives) as (keyof typeof objectives)[])('of %s leaves no tensor', async (name) => {
    using network = small()
    using joint = jointSteps(network, { objective: objectives[name], learningRate: 1e-3 })
    const [x, y] = [normal([4, 2], 1), normal([4, 2], 2)]
    const rng = seeded(1)
    joint.step(x, y, rng)
    expect(await countTensors(() => void joint.step(x, y, rng))).toEqual({ tensors: 0, buffers: 0 })
    tf.dispose([x, y])
  })

  it('takes a batch of one image', () => {
    using network = convolutionalJointNetwork({
      x: [8, 8, 1],
      y: [8, 8, 1],
      features: 2,
      blocks: 1,
      kernel: 3,
      criticHalvings: 1,
      rng: seeded(1),
    })
    using joint = jointSteps(network, { learningRate: 1e-3 })
    const losses = tf.tidy(() => joint.step(normal([1, 8, 8, 1], 1), normal([1, 8, 8, 1], 2), seeded(1)))
    for (const value of Object.values(losses)) expect(Number.isFinite(value)).toBe(true)
  })
})

describe('the trainer', () => {
  const points = (count: number, seed: number, shift: number) => {
    const values = normal([count, 2], seed).dataSync() as Float32Array
    return pointSplit('train', {
      count,
      dimension: 2,
      labels: new Int32Array(count),
      points: values.map((value) => value + shift),
    })
  }
  const data = unpairedSplit('train', points(64, 1, 0), points(48, 2, 1))
  const trained = async (
    network: Parameters<ReturnType<typeof jwdmTrainer>['fit']>[0],
    options: object = {},
    epochs = 2,
  ) => {
    const reports = []
    const trainer = jwdmTrainer({ batchSize: 16, reportEvery: 2, learningRate: 2e-3, ...options })
    for await (const progress of trainer.fit(network, data, { epochs, rng: seeded(1) })) reports.push(progress)
    return reports
  }

  it('reports every part, repeatably, and leaves no tensor', async () => {
    const run = async () => {
      using network = small()
      return await trained(network)
    }
    const reports = await run()
    expect(reports.map(({ step, steps, epoch }) => [step, steps, epoch])).toEqual([
      [2, 8, 1],
      [4, 8, 1],
      [6, 8, 2],
      [8, 8, 2],
    ])
    expect(Object.keys(reports[0]?.metrics ?? {})).toEqual([
      'loss',
      'critics',
      'autoEncoder',
      'cycle',
      'adversarial',
      'latent',
      'learningRate',
    ])
    expect(await run()).toEqual(reports)
    expect(await countTensors(run)).toEqual({ tensors: 0, buffers: 0 })
  })

  it('brings translations nearer to their domain', async () => {
    using network = denseJointNetwork({ x: 2, y: 2, hidden: [16], rng: seeded(1) })
    const distance = () =>
      tf.tidy(() => {
        const f = translate(network, 'x', normal([100, 2], 3)).dataSync() as Float32Array
        return exactTransport(pointsOf(f, 2), pointsOf(tf.add(normal([100, 2], 4), 1).dataSync() as Float32Array, 2))
          .cost
      })
    const before = distance()
    await trained(network, { learningRate: 1e-2 }, 12)
    expect(distance()).toBeLessThan(before / 2)
  })

  it('takes more critic steps where asked to, and Wasserstein critics', async () => {
    using network = small()
    const [last] = (await trained(network, { objective: { adversary: 'wasserstein' }, criticSteps: 2 }, 1)).slice(-1)
    expect(Number.isFinite(last?.metrics.critics)).toBe(true)
  })

  it('a critic of NaN stops it with ARCHLOOM_TRAINING_DIVERGED, and no weight has changed', async () => {
    using network = small()
    const [critic] = network.critics as [tf.Variable]
    tf.tidy(() => critic.assign(tf.fill(critic.shape, Number.NaN)))
    const before = [...(network.trainable[0] as tf.Variable).dataSync()]
    await expect(trained(network)).rejects.toThrow(/ARCHLOOM_TRAINING_DIVERGED.*critics.*step 1 of 8/)
    expect([...(network.trainable[0] as tf.Variable).dataSync()]).toEqual(before)
  })

  it('refuses other networks, domains of other shapes, and options', async () => {
    const plain = {
      inputShape: [2],
      outputShape: [2],
      trainable: [],
      state: [],
      apply: (x: tf.Tensor) => x,
      [Symbol.dispose]: () => {},
    }
    await expect(trained(plain)).rejects.toThrow(/ARCHLOOM_JWDM_NETWORK.*jwdmTrainer/)
    using other = denseJointNetwork({ x: 2, y: 3, hidden: [4], rng: seeded(1) })
    await expect(trained(other)).rejects.toThrow(/ARCHLOOM_JWDM_SHAPES.*domain y/)
    expect(() => jwdmTrainer({ batchSize: 0 })).toThrow(/ARCHLOOM_OPTION.*batchSize/)
  })

  it('is what the plugin provides', () => {
    const plugin = jwdm({ batchSize: 4 })
    expect(plugin.name).toBe('jwdm')
  })
})

describe('the joint law', () => {
  const linear = (a: number[][], b: number[][]) => {
    const scope = variableScope({ rng: seeded(1) })
    const none = (x: tf.Tensor) => tf.zeros([x.shape[0] as number, 1])
    const by = (m: number[][]) => (x: tf.Tensor) => tf.matMul(x as tf.Tensor2D, tf.tensor2d(m), false, true)
    return jointNetwork({
      scope,
      latentShape: [2],
      criticiseLatent: none,
      x: { shape: [2], encode: by(a), decode: by(b), criticise: none },
      y: { shape: [2], encode: identity(), decode: identity(), criticise: none },
    })
  }

  it('JO3 of rotations: 8 (1 − |cos(δ/2)|) between the laws, 4 (1 − cos δ) around the cycle', () => {
    const rotation = (angle: number) => [
      [Math.cos(angle), -Math.sin(angle)],
      [Math.sin(angle), Math.cos(angle)],
    ]
    const table = [
      [0.25, 0.0624187, 0.1243504],
      [0.5, 0.2487006, 0.4896698],
      [1, 0.9793395, 1.8387908],
      [2, 3.6775816, 5.6645873],
      [Math.PI, 8, 8],
    ] as const
    // A cloud of mean 0 and covariance I, whatever the direction: its own circle, twice.
    const turn = Array.from({ length: 64 }, (_, i) => (2 * Math.PI * i) / 64)
    const circle = turn.map((angle) => [Math.SQRT2 * Math.cos(angle), Math.SQRT2 * Math.sin(angle)])
    for (const [delta, between, around] of table) {
      // f = R(0.3) and g = R(δ − 0.3): the net turn is δ.
      using network = linear(rotation(0.3), rotation(delta - 0.3))
      tf.tidy(() => {
        const x = tf.tensor2d(circle)
        const cycled = translate(network, 'y', translate(network, 'x', x))
        expect(scalar(tf.mean(tf.sum(tf.square(tf.sub(cycled, x)), 1)))).toBeCloseTo(around, 4)
        const identityMap = rotation(0)
        const rows = [...identityMap, ...rotation(0.3)]
        expect(linearTransport(rows, [...rotation(delta - 0.3), ...identityMap])).toBeCloseTo(between, 6)
      })
    }
  })

  it('JO4 lies between the marginals and what the cycles allow, for any maps', () => {
    const rng = seeded(7)
    for (let run = 0; run < 20; run++) {
      const random = () => [
        [rng.normal(), rng.normal()],
        [rng.normal(), rng.normal()],
      ]
      const decode = random()
      using network = linear(random(), decode)
      tf.tidy(() => {
        const [x, y] = [normal([30, 2], `x${run}`), normal([30, 2], `y${run}`)]
        const agreement = jointAgreement(network, x, y, 'manhattan')
        expect(agreement.marginalX + agreement.marginalY).toBeLessThanOrEqual(agreement.joint + 1e-6)
        // The L1 Lipschitz constant of g, whose matrix is that of the decoder of x.
        const column = (k: number) => Math.abs(decode[0]?.[k] ?? 0) + Math.abs(decode[1]?.[k] ?? 0)
        const cycled = translate(network, 'y', translate(network, 'x', x))
        const cycle = scalar(tf.mean(tf.sum(tf.abs(tf.sub(cycled, x)), 1)))
        const bound = cycle + (1 + Math.max(column(0), column(1))) * agreement.marginalY
        expect(agreement.joint).toBeLessThanOrEqual(bound + 1e-5)
      })
    }
  })

  it('JO4 is 0 where g inverts f and y is f(x) as a set', () => {
    const turn = [
      [0, -1],
      [1, 0],
    ]
    const back = [
      [0, 1],
      [-1, 0],
    ]
    using network = linear(turn, back)
    tf.tidy(() => {
      const x = normal([40, 2], 1)
      const y = tf.reverse(translate(network, 'x', x), 0)
      expect(jointAgreement(network, x, y).joint).toBeCloseTo(0, 9)
    })
  })

  it('has a floor that is the marginals’ distance between samples', () => {
    const draw = (seed: number) => pointsOf(normal([50, 2], seed).dataSync() as Float32Array, 2)
    const floor = jointFloor([draw(1), draw(2)], [draw(3), draw(4)])
    expect(floor).toBeCloseTo(exactTransport(draw(1), draw(2)).cost + exactTransport(draw(3), draw(4)).cost, 12)
    expect(floor).toBeGreaterThan(0.05)
  })
})
