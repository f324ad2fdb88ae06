import { declarePlugin, definePlugin, type Plugin } from '../../core/index.ts'
import { papers } from './paper.ts'
import { declared, policySearch, type ReinforceOptions } from './policy-search.ts'

export { papers } from './paper.ts'
export { policySearch, type ReinforceOptions } from './policy-search.ts'

const about = declarePlugin({
  name: 'reinforce',
  kind: 'controller',
  does: 'A policy trained by REINFORCE.',
  paper: papers,
  provides: ['controller'],
  needs: ['space'],
  options: declared,
})

/** REINFORCE with an LSTM policy and a moving baseline, as a plugin. */
export function reinforce(given: ReinforceOptions = {}): Plugin {
  const options = declared.read(given)
  return definePlugin({ ...about, options, bind: ({ controller }) => controller.to(policySearch(given)) })
}
