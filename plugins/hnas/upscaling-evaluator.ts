import * as tf from '@tensorflow/tfjs-core'
import type { Batch, Evaluator, EvaluatorDefinition, EvaluatorParts, SearchSpace } from '../../core/index.ts'
import { flag, type OptionsOf, options, required, text, value, whole } from '../../core/options/index.ts'
import { useEngine } from '../../core/tensor/index.ts'
import type { Picture } from '../../evaluators/data/images/index.ts'
import { parameterCount, type UpscalingQuality, upscaled, upscalingQuality } from '../../evaluators/metrics/index.ts'
import { recalibrate } from '../../evaluators/weight-sharing/index.ts'
import { type SuperResolutionSupernet, selfEnsemble } from '../../search-spaces/super-resolution/index.ts'
import { error } from './errors.ts'
import { type PatchesOf, pairsOnly } from './pairs-only.ts'
import { byteError, COST_SIDE, decibels, rewardBorder } from './reward.ts'

const declared = options('sharedUpscaling', {
  data: required(
    value<{ readonly train: PatchesOf<'train'>; readonly validation: PatchesOf<'validation'> }>(
      'splits of patches with their images, such as `await superResolutionData({ … })`',
      {
        holds: arePatches,
        doc: 'Patches: training ones for the weights, held-out ones for the policy; the test split is not looked at.',
      },
    ),
  ),
  batchSize: whole({ min: 1, default: 16, doc: 'Patches of a weight step and of a reward.' }),
  images: whole({ min: 1, absent: 'all', doc: 'Held-out images that candidates are measured on.' }),
  calibrationBatches: whole({
    min: 1,
    default: 20,
    doc: "Training batches that a candidate's normalisation is estimated on.",
  }),
  ensemble: flag({ default: false, doc: 'Measure candidates as the mean over eight mirrorings and turns.' }),
  engine: text({ absent: 'auto', doc: 'Name of the tensor engine.' }),
})
export type SharedUpscalingOptions = OptionsOf<typeof declared>

function arePatches(data: unknown): boolean {
  const { train, validation } = (data ?? {}) as Partial<SharedUpscalingOptions['data']>
  return [train, validation].every((split) => (split?.pairs?.length ?? 0) > 0)
}

/** An evaluator whose architectures share the weights of one enlarging supernet. */
export interface SharedUpscaling<A = unknown> extends Evaluator<A> {
  readonly kind: 'weight-sharing'
  readonly space: SearchSpace<A>
  readonly upscalers: SuperResolutionSupernet<A>
  readonly train: PatchesOf<'train'>
  readonly validation: PatchesOf<'validation'>
  readonly batchSize: number
  /** PSNR of a batch of patches as rewards take it, with the batch's statistics; the batch is the caller's. */
  rewardPsnr(architecture: A, batch: Batch): Promise<number>
  /** Multiply-adds of this very architecture for a small image of 48×48, all convolutions counted. */
  multiplyAdds(architecture: A): number
  /** One architecture on whole held-out images, with its own statistics: nothing is drawn anew from image to image. */
  measure(architecture: A, signal?: AbortSignal): Promise<UpscalingQuality>
  /** What an architecture makes of an image, with the statistics that its last measuring left. */
  enlarged(architecture: A, image: Picture): Promise<Picture>
}

const NAME = 'shared-upscaling'

/**
 * Measures an architecture by its path through one supernet: `psnr` (luma, dB) and `lrConsistency` on the held-out images,
 * `parameters` and `multiplyAdds` (of 48×48) of a network of its own, `pathParameters`. The weights are random until
 * `hnas()` trains them. Errors: ARCHLOOM_OPTION, ARCHLOOM_HNAS_SPACE.
 */
export function sharedUpscaling(given: SharedUpscalingOptions): EvaluatorDefinition {
  const { data, batchSize, calibrationBatches, ensemble, engine, ...rest } = declared.read(given)
  const [train, validation] = [pairsOnly(data.train), pairsOnly(data.validation)]
  const { images = validation.pairs.length } = rest
  const { scale } = train
  const [side = 0] = validation.inputShape
  const room = side * scale - 2 * rewardBorder(scale)
  if (room <= 0)
    throw declared.refuse(
      'data',
      `patches of ${side}`,
      `small patches of more than ${(2 * rewardBorder(scale)) / scale} pixels`,
    )

  async function create<A>({ space, rng }: EvaluatorParts<A>): Promise<SharedUpscaling<A>> {
    await useEngine(engine)
    const supernet = space.supernet?.({ input: train.inputShape, classes: 0, rng: rng.fork('supernet') })
    const upscalers = supernet as SuperResolutionSupernet<A> | undefined
    const { cost } = space
    const refuse = (received: string) =>
      error('ARCHLOOM_HNAS_SPACE', { space: space.name, received, expected: `networks that enlarge ${scale} times` })
    if (!upscalers || !cost) throw refuse('which has no supernet or no cost')
    const found = upscalers.outputShape[0]! / upscalers.inputShape[0]!
    if (upscalers.outputShape.length !== 3 || found !== scale) {
      upscalers[Symbol.dispose]()
      throw refuse(`whose networks give ${upscalers.outputShape.join('×')} for ${upscalers.inputShape.join('×')}`)
    }
    const form = { input: [COST_SIDE, COST_SIDE, 3], classes: 0 }
    const upscaleOf = (architecture: A) => {
      const path = upscalers.path(architecture)
      return ensemble ? selfEnsemble((lr, mode) => path.upscale(lr, mode)) : path.upscale
    }
    const measure: SharedUpscaling<A>['measure'] = (architecture, signal) => {
      recalibrate(upscalers.path(architecture), train, calibrationBatches, Math.min(batchSize, train.size))
      const upscale = upscaleOf(architecture)
      const pairs = validation.pairs.slice(0, images)
      return upscalingQuality((lr) => upscale(lr, { training: false }), pairs, signal ? { signal } : {})
    }
    return {
      kind: 'weight-sharing',
      name: NAME,
      space,
      upscalers,
      train,
      validation,
      batchSize,
      measure,
      enlarged: (architecture, image) => upscaled((lr) => upscaleOf(architecture)(lr, { training: false }), image),
      multiplyAdds: (architecture) => cost(architecture, form).multiplyAdds,
      async rewardPsnr(architecture, { inputs, targets }) {
        const path = upscalers.path(architecture)
        const square = tf.tidy(() => byteError(path.apply(inputs, { training: true }), targets, rewardBorder(scale)))
        try {
          return decibels((await square.data())[0] as number)
        } finally {
          square.dispose()
        }
      },
      async evaluate({ architecture }, { signal }) {
        const quality = await measure(architecture, signal)
        // Without any error, as on a flat image, decibels have no end.
        const psnr = Math.min(quality.psnr, decibels(0))
        const lrConsistency = Math.min(quality.lrConsistency, decibels(0))
        const { parameters, multiplyAdds } = cost(architecture, form)
        const pathParameters = parameterCount(upscalers.path(architecture))
        return { metrics: { psnr, lrConsistency, parameters, multiplyAdds, pathParameters } }
      },
      [Symbol.asyncDispose]: async () => upscalers[Symbol.dispose](),
    }
  }
  return {
    kind: 'weight-sharing',
    name: NAME,
    needs: ['networks', 'cost', 'supernet'],
    provides: ['shared-upscaling'],
    metrics: ['psnr', 'lrConsistency', 'parameters', 'multiplyAdds', 'pathParameters'],
    create: create as EvaluatorDefinition['create'],
  }
}
