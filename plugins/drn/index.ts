/** DRN: enlarging networks that are trained in a closed loop with dual networks, which map back to the small image. */

import { declarePlugin, definePlugin } from '../../core/index.ts'
import { options as declare, group, type OptionsOf } from '../../core/options/index.ts'
import { type BuildDrnOptions, buildDrn } from './network.ts'
import type { DrnOptions } from './network-plan.ts'
import { paper } from './paper.ts'
import { enlargementFields, enlargements } from './pictures.ts'
import { dualRegressionFields, dualRegressionTrainer } from './trainer.ts'

const declared = declare(
  'drn',
  {
    ...dualRegressionFields,
    images: group(enlargementFields, {
      optional: true,
      absent: 'none are written',
      doc: "What every trained network makes, as images told in the search's events.",
    }),
  },
  { renamed: { pictures: 'images', gallery: 'images' } },
)
export type DrnPluginOptions = OptionsOf<typeof declared>

const about = declarePlugin({
  name: 'drn',
  kind: 'training method',
  does: 'Super-resolution networks trained in a closed loop with dual networks.',
  paper,
  provides: ['trainer'],
  options: declared,
})

/** A plugin that trains enlarging networks in the closed loop, including those of a search. Error: ARCHLOOM_OPTION. */
export const drn = (given: DrnPluginOptions = {}) => {
  const { images, ...options } = declared.read(given)
  const shown = images && enlargements(images)
  return definePlugin({
    ...about,
    // Networks and data splits are not plain data that a study could record.
    options: {
      dualWeight: options.dualWeight,
      unpairedRatio: options.unpaired ? options.unpairedRatio : 0,
    },
    panels: [
      {
        kind: 'images',
        title: 'Enlargements',
        about: 'Images enlarged by bicubic interpolation and by each network, beside the originals.',
        event: 'pictures',
      },
    ],
    bind: ({ trainer }) =>
      trainer.to(dualRegressionTrainer({ ...options, ...(shown && { onTrained: shown.onTrained }) })),
  })
}

/** Builders of networks from plain JSON, by the kind that saved models name. */
export const upscalers = {
  /** Options: scale, features, blocks, shortcut. */
  drn: (options: Readonly<Record<string, unknown>>, parts: Pick<BuildDrnOptions, 'input' | 'rng'>) =>
    buildDrn({ ...(options as unknown as DrnOptions), ...parts }),
} as const

export { bicubicDuals, type DualNetworks, degradationDual, dualNetworks } from './dual.ts'
export { type RegressionLosses, regressionLosses, unpairedDualLoss } from './loss.ts'
export { type BuildDrnOptions, buildDrn } from './network.ts'
export { drnCost } from './network-cost.ts'
export { type DrnOptions, drnConfigurations } from './network-plan.ts'
export { paper } from './paper.ts'
export { type EnlargementOptions, type Enlargements, enlargements } from './pictures.ts'
export { type DualRegressionOptions, dualRegressionTrainer } from './trainer.ts'
