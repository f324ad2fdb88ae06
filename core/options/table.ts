import { quote } from '../errors.ts'
import type { Group, Option } from './option.ts'

/** One option as documentation shows it; plain JSON. */
export interface OptionRow {
  /** The path of the option, including its groups: `controller.learningRate`. */
  readonly name: string
  readonly type: string
  readonly default: string
  readonly required: boolean
  readonly meaning: string
}

function defaultOf(option: Option<unknown, unknown>): string {
  if (option.absent !== undefined) return option.absent
  if (option.presence === 'required') return 'required'
  if (option.presence === 'optional' || (option.group && typeof option.default === 'object')) return ''
  return typeof option.default === 'function' ? 'a function' : quote(option.default)
}

/** One row per option; the options of a group follow the group. */
export const optionTable = ({ fields }: Pick<Group, 'fields'>, before = ''): readonly OptionRow[] =>
  Object.entries(fields).flatMap(([name, option]) => [
    {
      name: before + name,
      type: option.expected,
      default: defaultOf(option),
      required: option.presence === 'required',
      meaning: option.doc ?? '',
    },
    ...(option.group ? optionTable(option.group, `${before}${name}.`) : []),
  ])

/** The table in Markdown: name, type, default, meaning. */
export function optionMarkdown(group: Pick<Group, 'fields'>): string {
  const cell = (words: string) => words.replaceAll('|', '\\|').replaceAll('\n', ' ')
  const rows = optionTable(group).map((row) => [
    `\`${row.name}\``,
    cell(row.type),
    cell(row.default),
    cell(row.meaning),
  ])
  return [['option', 'type', 'default', 'meaning'], ['---', '---', '---', '---'], ...rows]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n')
}
