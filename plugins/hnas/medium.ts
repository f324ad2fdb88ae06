/** `archloom reproduce hnas --scale medium`: at a cost where operations have room. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { replaceFileSync } from '../../core/node/files.ts'
import type { Experiment, UnitContext } from '../../core/reproduction.ts'
import { useEngine } from '../../core/tensor/index.ts'
import type { SuperResolutionArchitecture } from '../../search-spaces/super-resolution/index.ts'
import { type ArmName, type ArmSettings, armNames, searchArchitecture, trainArm } from './experiment/arms.ts'
import { scales } from './experiment/scales.ts'

/** Cost counts a tenth of what it does in `small`, so that the search stays near the median of the space. */
const settings: { readonly arm: ArmSettings; readonly tradeOff: number } = {
  tradeOff: 0.6,
  arm: {
    ...scales.small.arm,
    search: { ...scales.small.arm.search, costUnit: 3e9 },
    retrainSteps: 3000,
  },
}

const environmentOf = ({ data }: UnitContext) => ({
  ...process.env,
  ...(data !== undefined && { ARCHLOOM_DATA: data }),
})
const FOUND = 'searched.json'

export const medium: Experiment = {
  paper: 'hnas',
  parts: [
    {
      name: 'equal-cost',
      title: 'Searched, random, residual and RCAB networks of equal multiply-adds',
      setting:
        'Four cells of two nodes and 16 channels, ×2, T91. Each seed searches (λ = 0.6, a cost unit of 3·10⁹ multiply-adds), and every arm trains a network of the cost of what was found for 3,000 steps of 8 patches. The random network is drawn at that cost.',
      settings,
      arms: [...armNames],
      seeds: [11, 12, 13],
      seconds: 400,
      async prepare(context) {
        await useEngine('auto')
        const { seed, signal } = context
        const pictures = await scales.small.pictures(environmentOf(context))
        const found = await searchArchitecture({
          settings: settings.arm,
          pictures,
          tradeOff: settings.tradeOff,
          seed,
          signal,
        })
        replaceFileSync(join(context.folder, FOUND), JSON.stringify(found.architecture))
        return [{ metric: 'multiply-adds found, 10⁶', value: found.multiplyAdds / 1e6 }]
      },
      async run(arm, context) {
        await useEngine('auto')
        const { seed, signal, folder } = context
        const architecture = JSON.parse(readFileSync(join(folder, FOUND), 'utf8')) as SuperResolutionArchitecture
        const pictures = await scales.small.pictures(environmentOf(context))
        const found = await trainArm(
          arm as ArmName,
          { settings: settings.arm, pictures, seed, signal },
          { architecture },
        )
        return [
          ...Object.entries(found.tests).map(([name, { psnr }]) => ({ metric: `${name}, dB`, value: psnr })),
          { metric: 'multiply-adds, 10⁶', value: found.multiplyAdds / 1e6 },
        ]
      },
      metrics: [{ name: 'Set5, dB' }, { name: 'BSD100, dB' }, { name: 'multiply-adds, 10⁶', digits: 1 }],
      comparisons: armNames
        .filter((arm) => arm !== 'searched')
        .map((control) => ({
          claim: `Searched networks are better than ${control} ones of equal cost`,
          arm: 'searched',
          control,
          metric: 'Set5, dB',
          direction: 'maximise' as const,
          published: null,
          effect: 0.1,
        })),
    },
  ],
}
