import { describe } from 'vitest'
import { operatorContract } from '../../plugins/operator-contract.ts'

describe('wasm against cpu', () => operatorContract('wasm'))
