// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are for the shell to put something in

import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { CliError } from "./Errors.ts"
import type { CommandShape, OptionShape } from "./Shape.ts"

const shells = ["bash", "zsh", "fish"] as const
type Shell = (typeof shells)[number]

const isShell = (word: string): word is Shell => shells.some((shell) => shell === word)

const flat = (shapes: ReadonlyArray<CommandShape>): ReadonlyArray<CommandShape> =>
  shapes.flatMap((shape) => [shape, ...flat(shape.commands)])

const choicesOf = ({ value = "" }: OptionShape): ReadonlyArray<string> => (value.includes("|") ? value.split("|") : [])

const namesOf = (shapes: ReadonlyArray<CommandShape>): string => shapes.map(({ words }) => words.at(-1)).join(" ")

/** The words that an argument of a command can be. */
const operandsOf = (words: ReadonlyArray<string>): ReadonlyArray<string> => (words[0] === "completions" ? shells : [])

const everywhere = "--server --help"

/** What may follow the words of each command, and what each option takes; for the shells that look words up by case. */
const cases = (shapes: ReadonlyArray<CommandShape>) => {
  const all = flat(shapes)
  const next = [
    `    "") words="${namesOf(shapes)} help --version" ;;`,
    ...all.map(({ commands, options, words }) => {
      const own = [...operandsOf(words), ...options.map(({ names }) => names[0])]
      return `    "${words.join(" ")}") words="${commands.length > 0 ? namesOf(commands) : own.join(" ")}" ;;`
    })
  ]
  const values = all.flatMap(({ options, words }) =>
    options
      .filter((option) => choicesOf(option).length > 0)
      .map((option) => `    "${words.join(" ")} ${option.names[0]}") words="${choicesOf(option).join(" ")}" ;;`)
  )
  return { next, values, groups: shapes.filter(({ commands }) => commands.length > 0).map(({ words }) => words[0]) }
}

/** Both shells put the words before the cursor into the array `line`, and read `words`. */
const lookUp = (shapes: ReadonlyArray<CommandShape>): ReadonlyArray<string> => {
  const { groups, next, values } = cases(shapes)
  return [
    '  local command="" previous="" word words="" files=""',
    '  for word in "${line[@]}"; do',
    '    case "$previous" in --server) previous="$word"; continue ;; esac',
    '    previous="$word"',
    '    case "$word" in -*) continue ;; esac',
    '    case "$command" in',
    '      "") command="$word"; [ "$command" = help ] && command="" ;;',
    `      ${groups.join("|")}) command="$command $word" ;;`,
    "    esac",
    "  done",
    '  case "$command $previous" in',
    ...values,
    '    *" --file"|*" -f"|*" --output"|*" -o"|*" --config"|*" --data"|*" --db"|*" --folder") files=1 ;;',
    "  esac",
    '  if [ -z "$words$files" ]; then',
    '    case "$command" in',
    ...next.map((line) => `  ${line}`),
    "    esac",
    `    words="$words ${everywhere}"`,
    "  fi"
  ]
}

const bash = (shapes: ReadonlyArray<CommandShape>): ReadonlyArray<string> => [
  "_symbi() {",
  '  local current="${COMP_WORDS[COMP_CWORD]}"',
  '  local line=("${COMP_WORDS[@]:1:COMP_CWORD-1}")',
  ...lookUp(shapes),
  "  COMPREPLY=()",
  '  [ -n "$files" ] || COMPREPLY=($(compgen -W "$words" -- "$current"))',
  "}",
  "complete -o bashdefault -o default -F _symbi symbi"
]

const zsh = (shapes: ReadonlyArray<CommandShape>): ReadonlyArray<string> => [
  "#compdef symbi",
  "_symbi() {",
  "  local -a line",
  '  line=("${(@)words[2,CURRENT-1]}")',
  ...lookUp(shapes).map((text) =>
    text
      .replace(' words=""', ' offered=""')
      .replace(/\bwords=/g, "offered=")
      .replaceAll("$words", "$offered")
  ),
  '  if [ -n "$files" ]; then _files; else compadd -- ${=offered}; fi',
  "}",
  'if [ "$funcstack[1]" = _symbi ]; then _symbi "$@"; else compdef _symbi symbi; fi'
]

const quoted = (text: string): string => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`

const fish = (shapes: ReadonlyArray<CommandShape>): ReadonlyArray<string> => [
  "# Whether the words before the cursor, without options, begin with these and (after `only`) no more follow.",
  "function __symbi_at",
  "  set -l plain",
  "  set -l previous",
  "  for word in (commandline -opc)[2..-1]",
  '    if test "$previous" != --server; and not string match -q -- "-*" $word',
  "      set -a plain $word",
  "    end",
  '    set previous "$word"',
  "  end",
  '  test "$plain[1]" = help; and set -e plain[1]',
  "  set -l only",
  '  if test "$argv[1]" = only',
  "    set only yes",
  "    set -e argv[1]",
  "  end",
  '  test -n "$only"; or test (count $plain) -le (count $argv); or set plain $plain[1..(count $argv)]',
  "  # Two lists in quotes are two texts.",
  '  set -l had "$plain"',
  '  test "$had" = "$argv"',
  "end",
  "complete -c symbi -n '__symbi_at only' -f -a help -d 'Say more of a command'",
  "complete -c symbi -l server -r -d 'Where the service is'",
  "complete -c symbi -l help -s h -d 'The page of a command'",
  "complete -c symbi -n '__symbi_at only' -l version -d 'The version'",
  ...shapes.map(
    ({ summary, words }) => `complete -c symbi -n '__symbi_at only' -a ${words.join(" ")} -d ${quoted(summary)}`
  ),
  ...flat(shapes).flatMap(({ commands, options, words }) => [
    ...operandsOf(words).map(
      (word) => `complete -c symbi -f -n '__symbi_at only ${words.join(" ")}' -a ${quoted(word)}`
    ),
    ...commands.map(
      (child) =>
        `complete -c symbi -f -n '__symbi_at only ${words.join(" ")}' -a ${child.words.at(-1)} -d ${quoted(child.summary)}`
    ),
    ...options.map((option) => {
      const choices = choicesOf(option)
      const takes = option.value === undefined ? "" : choices.length > 0 ? ` -x -a ${quoted(choices.join(" "))}` : " -r"
      const short = option.names.filter((name) => !name.startsWith("--")).map((name) => ` -s ${name.slice(1)}`)
      return `complete -c symbi -n '__symbi_at ${words.join(" ")}' -l ${option.names[0].slice(2)}${short.join("")}${takes} -d ${quoted(option.text)}`
    })
  ])
]

const scripts = { bash, zsh, fish } as const

/** The completion script of a shell for these commands. */
export const completionScript = (shell: Shell, shapes: ReadonlyArray<CommandShape>): string =>
  scripts[shell](shapes).join("\n")

/** `symbi completions` */
export const completions = Command.make(
  "completions",
  { shell: Args.text({ name: "shell" }).pipe(Args.withDescription("bash, zsh or fish")) },
  ({ shell }) =>
    Effect.gen(function* () {
      if (!isShell(shell)) {
        return yield* new CliError({
          kind: "usage",
          message: `no completions for "${shell}"; there are bash, zsh and fish`
        })
      }
      const { allShapes } = yield* Effect.promise(() => import("./AllShapes.ts"))
      yield* Console.log(completionScript(shell, yield* allShapes))
    })
).pipe(Command.withDescription("Print a script that completes words of symbi in a shell"))
