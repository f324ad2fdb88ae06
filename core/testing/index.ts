/** Contract suites and measurements for testing your own parts. They use the vitest of your project. */
export { type ControllerContractOptions, controllerContract, proposed } from './controller-contract.ts'
export {
  type EvaluatorContractOptions,
  type EvaluatorContractSubject,
  evaluationContext,
  evaluatorContract,
} from './evaluator-contract.ts'
export { expectNoLeak, liveTensors } from './leaks.ts'
export { type SchedulerContractOptions, schedulerContract } from './scheduler-contract.ts'
export { type SpaceContractOptions, spaceContract } from './space-contract.ts'
export { banditSpace, stockSpaces } from './spaces.ts'
export { type StoreContractOptions, type StoreContractPlace, storeContract } from './store-contract.ts'
export { type StudiesContractPlace, studiesContract } from './studies-contract.ts'
