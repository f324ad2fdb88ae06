import { controllerContract } from '../../../core/testing/index.ts'
import { policySearch } from '../../../plugins/reinforce/policy-search.ts'

controllerContract('REINFORCE', policySearch({ hidden: 16 }), { trials: 30 })
controllerContract('REINFORCE with independent choices', policySearch({ policy: 'categorical', batch: 4 }))
