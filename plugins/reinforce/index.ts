import { definePlugin } from '../../core/index.ts'
import { papers } from './paper.ts'
import { policySearch, type ReinforceOptions } from './policy-search.ts'

export { papers } from './paper.ts'
export { policySearch, type ReinforceOptions } from './policy-search.ts'

/** REINFORCE with an LSTM policy and a moving baseline, as a plugin. */
export const reinforce = (options: ReinforceOptions = {}) =>
  definePlugin({
    name: 'reinforce',
    paper: papers,
    provides: ['controller'],
    needs: ['space'],
    options,
    bind: ({ controller }) => controller.to(policySearch(options)),
  })
