/** Options declared once: defaults, checks, refusal of unknown names, types and documentation. */
export {
  type Declaration,
  declaredOptions,
  group,
  type OptionsOf,
  optionError,
  options,
  optionsFor,
  type ReadOptionsOf,
} from './declare.ts'
export { optionNames, pickOptions } from './names.ts'
export {
  among,
  callback,
  either,
  flag,
  type Given,
  isObject,
  list,
  number,
  type Option,
  type Presence,
  type Resolved,
  required,
  text,
  value,
  whole,
} from './option.ts'
export { nearest } from './suggest.ts'
export { type OptionRow, optionMarkdown, optionTable } from './table.ts'
