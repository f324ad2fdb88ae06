/** Contract suites and helpers for tests of your own parts. They use your vitest. */
export { type ControllerContractOptions, controllerContract } from './controller-contract.ts'
export { expectNoLeak, liveTensors } from './leaks.ts'
export { type SpaceContractOptions, spaceContract } from './space-contract.ts'
export { banditSpace, stockSpaces } from './spaces.ts'
