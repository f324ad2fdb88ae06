import type { Command } from 'commander'
import type { Output } from '../output.ts'
import type { Shell } from '../shells.ts'

interface Described {
  readonly name: string
  readonly says: string
}
interface Completed extends Described {
  /** Flags, and the values of arguments that have a fixed list of values. */
  readonly words: readonly Described[]
}

const flagsOf = (command: Command): readonly Described[] =>
  command.options.flatMap(({ long, description }) => (long ? [{ name: long, says: description }] : []))

const completed = (program: Command): readonly Completed[] =>
  program.commands.map((command) => ({
    name: command.name(),
    says: command.description(),
    words: [
      ...command.registeredArguments.flatMap(({ argChoices = [] }) => argChoices.map((name) => ({ name, says: '' }))),
      ...flagsOf(command),
      { name: '--help', says: 'show help for this command' },
    ],
  }))

const names = (words: readonly Described[]) => words.map(({ name }) => name).join(' ')
const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`

const bash = (commands: readonly Completed[]) => `# eval "$(archloom completion bash)"
_archloom() {
  local words
  if [ "$COMP_CWORD" -eq 1 ]; then
    words=${quoted(names(commands))}
  else
    case "\${COMP_WORDS[1]}" in
${commands.map(({ name, words }) => `      ${name}) words=${quoted(names(words))} ;;`).join('\n')}
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _archloom archloom
`

/** The arguments of zsh's _describe, in which a colon separates a word from its description. */
const described = (words: readonly Described[]) =>
  words.map(({ name, says }) => quoted(`${name.replaceAll(':', '\\:')}${says && `:${says}`}`)).join(' ')

const zsh = (commands: readonly Completed[]) => `#compdef archloom
# eval "$(archloom completion zsh)"
_archloom() {
  local -a words_of
  if (( CURRENT == 2 )); then
    words_of=(${described(commands)})
  else
    case "$words[2]" in
${commands.map(({ name, words }) => `      ${name}) words_of=(${described(words)}) ;;`).join('\n')}
    esac
  fi
  _describe 'archloom' words_of
  _files
}
compdef _archloom archloom
`

const fish = (commands: readonly Completed[]) => {
  const line = (condition: string, { name, says }: Described) => {
    const word = name.startsWith('--') ? `-l ${name.slice(2)}` : `-a ${quoted(name)}`
    return `complete -c archloom -n ${quoted(condition)} ${word}${says && ` -d ${quoted(says)}`}`
  }
  return [
    '# archloom completion fish | source',
    ...commands.map((command) => line('__fish_use_subcommand', command)),
    ...commands.flatMap(({ name, words }) => words.map((word) => line(`__fish_seen_subcommand_from ${name}`, word))),
    '',
  ].join('\n')
}

const scripts: Readonly<Record<Shell, (commands: readonly Completed[]) => string>> = { bash, zsh, fish }

/** `archloom completion <shell>`: a script that makes the shell complete commands, flags and their values. */
export function completion(shell: Shell, program: Command, output: Output): number {
  const script = scripts[shell](completed(program))
  output.log(script)
  output.result({ shell, script })
  return 0
}
