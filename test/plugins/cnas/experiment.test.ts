import { describe, expect, it } from 'vitest'
import { nasBench201Table } from '../../../evaluators/tabular/index.ts'
import { armNames, armOptions } from '../../../plugins/cnas/experiment/arms.ts'
import { scales } from '../../../plugins/cnas/experiment/scales.ts'
import { tableSearch } from '../../../plugins/cnas/experiment/table-curriculum.ts'
import { itWithData } from '../../conditional-suites.ts'

describe('the experiment', () => {
  it.each(['smoke', 'small'] as const)('%s spends the same on every arm', (scale) => {
    const { arm: settings, arms } = scales[scale]
    expect(arms).toEqual(armNames)
    const operations = settings.space.operations?.length as number
    const validation = 640
    const spent = arms.map((arm) => {
      const options = armOptions(arm, settings, validation)
      const stages = options.grow === 'operations' ? operations : 1
      const [warm, epochs, weights, policy] = [
        options.warmUp?.epochs as number,
        options.epochs as number,
        options.weightSteps as number,
        options.policySteps as number,
      ]
      const more = (options.candidates as number) - settings.candidates
      return {
        weights: stages * (warm + epochs) * weights,
        // Random spends whole passes over the validation split instead of policy steps.
        images: stages * epochs * policy + more * Math.ceil(validation / settings.batchSize),
      }
    })
    for (const { weights, images } of spent) {
      expect(weights).toBe(spent[0]?.weights)
      expect(images).toBeLessThanOrEqual(spent[0]?.images as number)
      expect(images).toBeGreaterThan((spent[0]?.images as number) - Math.ceil(validation / settings.batchSize))
    }
  })

  it('the paper scale has the published totals: 480 weight epochs and 320 policy epochs', () => {
    const { arm } = scales.paper
    for (const name of scales.paper.arms) {
      const { grow, warmUp, epochs } = armOptions(name, arm, 30_000)
      const stages = grow === 'operations' ? 8 : 1
      expect([stages * ((warmUp?.epochs as number) + (epochs as number)), stages * (epochs as number)]).toEqual([
        480, 320,
      ])
    }
  })

  itWithData('on the table, stages end with one architecture, then better ones', ['nas/nb201.csv.gz'], () => {
    const settings = { steps: 500, noise: 0.05, candidates: 10 }
    const curve = tableSearch(nasBench201Table({ protocol: 'oracle' }), 'operations', settings, 1)
    expect(curve).toHaveLength(5)
    // One operation: the cell of six 3×3 convolutions, whatever the policy.
    expect(curve[0]).toBeCloseTo(
      tableSearch(nasBench201Table({ protocol: 'oracle' }), 'operations', settings, 2)[0] as number,
      12,
    )
    expect(curve.at(-1)).toBeGreaterThan(0.9)
  })
})
