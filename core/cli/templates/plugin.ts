import { controller } from './controller.ts'
import { evaluator } from './evaluator.ts'
import type { PartKind } from './kinds.ts'
import { observer } from './observer.ts'
import { oneShotMethod } from './one-shot-method.ts'
import { scheduler } from './scheduler.ts'
import { space } from './space.ts'

/** The spellings of a part's name: its files and plugin (`my-part`), and its function (`myPart`). */
export interface PartName {
  readonly dashed: string
  readonly camel: string
}

/** The source of a new part and of its test. */
export interface PartSource {
  readonly module: string
  readonly test: string
}

/** The functions that write the source of a new part, by kind. */
export const partSources: Readonly<Record<PartKind, (name: PartName) => PartSource>> = {
  controller,
  scheduler,
  space,
  evaluator,
  'one-shot-method': oneShotMethod,
  observer,
}
