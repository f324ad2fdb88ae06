import { describe } from 'vitest'
import { operatorContract } from '../../plugins/operator-contract.ts'

// The reference itself: what the contract states in numbers holds for it too.
describe('cpu', () => operatorContract('cpu', { share: 0.05 }))
