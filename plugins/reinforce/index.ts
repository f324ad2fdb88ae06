import { definePlugin, type Plugin } from '../../core/index.ts'
import { papers } from './paper.ts'
import { declared, policySearch, type ReinforceOptions } from './policy-search.ts'

export { papers } from './paper.ts'
export { policySearch, type ReinforceOptions } from './policy-search.ts'

/** REINFORCE with an LSTM policy and a moving baseline, as a plugin. */
export function reinforce(given: ReinforceOptions = {}): Plugin {
  const options = declared.read(given)
  return definePlugin({
    name: 'reinforce',
    paper: papers,
    provides: ['controller'],
    needs: ['space'],
    options,
    bind: ({ controller }) => controller.to(policySearch(given)),
  })
}
