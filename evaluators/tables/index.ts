/** Tables: reading, types of columns, tasks, folds, and features as plain data. */
export { planFeatures, prepareTraining, recordsOf, type TargetNumbers } from './plan.ts'
export { type ColumnPlan, type FeatureKind, featuresOf, type Preprocessing, prepareRows } from './prepare.ts'
export { delimiterOf, isTable, readDelimited, readTable, tableExtensions } from './read.ts'
export { holdsTruths, labelsIn, looksLikeLabels, truthOfRows } from './several.ts'
export { type Cell, type Column, cellOf, type Row, rowsOf, type Table, tableOfRows, withoutColumns } from './table.ts'
export { findTask, foldsOf, noColumn, outputNames, type TableTask, type TaskFound } from './task.ts'
export { type ColumnType, numberOf, plainNumber, secondsOf, type TypedColumn, typeOf } from './types.ts'
