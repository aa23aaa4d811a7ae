import { nearest } from "../Suggestion.ts"
import type { CommandShape, OptionShape } from "./Shape.ts"

const choicesOf = ({ value = "" }: OptionShape): string =>
  value.includes("|") ? `: ${value.replaceAll("|", ", ")}` : ""

const isFlag = (word: string): boolean => word.startsWith("-") && word.length > 1

const spelled = (words: ReadonlyArray<string>): string => ["symbi", ...words].join(" ")

const wrongValue = (name: string, { value = "" }: OptionShape, text: string): string | undefined => {
  if (value === "n" && !/^[+-]?\d+$/.test(text)) return `${name} must be a whole number; "${text}" is none`
  const choices = value.split("|")
  if (choices.length < 2 || choices.includes(text)) return undefined
  const meant = nearest(text, choices)
  return `${name} must be one of: ${choices.join(", ")}${meant === undefined ? "" : `; did you mean "${meant}"?`}`
}

/** What stands on a command line after the words of the command, as it would be read. */
interface Read {
  readonly given: ReadonlySet<OptionShape>
  readonly operands: ReadonlyArray<string>
}

const read = (shape: CommandShape, words: ReadonlyArray<string>): Read | string => {
  const command = spelled(shape.words)
  const names = shape.options.flatMap(({ names }) => names)
  const given = new Set<OptionShape>()
  const operands: Array<string> = []
  const rest = [...words]
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === "--") return { given, operands: [...operands, ...rest] }
    if (!isFlag(word)) {
      operands.push(word)
      continue
    }
    const [, name = word, value] = /^(--[^=]+)=([\s\S]*)$/.exec(word) ?? []
    const option = shape.options.find(({ names }) => names.includes(name))
    if (option === undefined) {
      const meant = nearest(
        name,
        names.filter((one) => one.startsWith("--"))
      )
      const hint = meant === undefined ? `see ${command} --help` : `did you mean ${meant}?`
      return `${command} has no option ${name}; ${hint}`
    }
    if (given.has(option) && !option.repeated) return `${name} is given twice`
    given.add(option)
    if (option.value === undefined) {
      if (value !== undefined) return `${name} takes no value; leave =${value} out`
      continue
    }
    const text = value ?? rest.shift()
    if (text === undefined) return `${name} needs a value${choicesOf(option)}`
    const wrong = wrongValue(name, option, text)
    if (wrong !== undefined) return wrong
  }
  return { given, operands }
}

/**
 * What is wrong with the words after a command, in one line: an option that it does not have, one without its value,
 * too few or too many arguments. Undefined when nothing is; values are checked by the parser.
 */
export const misuseOf = (shape: CommandShape, words: ReadonlyArray<string>): string | undefined => {
  const command = spelled(shape.words)
  const found = read(shape, words)
  if (typeof found === "string") return found
  const missing = shape.options.filter((option) => option.required && !found.given.has(option))
  if (missing.length > 0) {
    return `${command} needs ${missing.map(({ names }) => names[0]).join(", ")}; see ${command} --help`
  }
  const needed = shape.arguments.filter(({ required }) => required)
  const absent = needed[found.operands.length]
  if (absent !== undefined) return `${command} needs ${absent.name}: ${absent.text}`
  const extra = shape.arguments.some(({ repeated }) => repeated) ? undefined : found.operands[shape.arguments.length]
  if (extra === undefined) return undefined
  const takes = shape.arguments.length === 0 ? "takes no arguments" : `takes one ${shape.arguments[0]?.name}`
  return `${command} ${takes}; what is "${extra}"?`
}
