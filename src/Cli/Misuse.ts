import { nearest } from "../Suggestion.ts"
import type { Line } from "./Argv.ts"
import type { CommandShape, OptionShape } from "./Shape.ts"

const choicesOf = ({ value = "" }: OptionShape): string =>
  value.includes("|") ? `: ${value.replaceAll("|", ", ")}` : ""

const spelled = (words: ReadonlyArray<string>): string => ["symbi", ...words].join(" ")

const wrongValue = (name: string, { value = "" }: OptionShape, text: string): string | undefined => {
  if (value === "n" && !/^[+-]?\d+$/.test(text)) return `${name} must be a whole number; "${text}" is none`
  const choices = value.split("|")
  if (choices.length < 2 || choices.includes(text)) return undefined
  const meant = nearest(text, choices)
  return `${name} must be one of: ${choices.join(", ")}${meant === undefined ? "" : `; did you mean "${meant}"?`}`
}

/** What is wrong with the options of a line, or those that are given. */
const readOptions = (shape: CommandShape, { options }: Line): ReadonlySet<OptionShape> | string => {
  const command = spelled(shape.words)
  const names = ["--server", ...shape.options.flatMap(({ names }) => names)]
  const given = new Set<OptionShape>()
  const server: OptionShape = { names: ["--server"], value: "text", text: "", required: false, repeated: false }
  for (const { name, value } of options) {
    const option = [server, ...shape.options].find(({ names }) => names.includes(name))
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
    if (value === undefined) return `${name} needs a value${choicesOf(option)}`
    const wrong = wrongValue(name, option, value)
    if (wrong !== undefined) return wrong
  }
  return given
}

/** Arguments that stand in the path of a request, where these would lead elsewhere. */
const identifiers: ReadonlySet<string> = new Set(["job", "run", "approval", "delivery", "agent", "key"])

/** Whether a word can name nothing: it would lead to another route of the service. */
export const namesNothing = (word: string): boolean => word === "" || word === "." || word === ".."

/** What is said of such a word. */
export const noName = (word: string): string => `"${word}" is no id or name`

/**
 * What is wrong with the words after a command, in one line: an option that it does not have, one without its value,
 * too few or too many arguments, one that can name nothing. Undefined when nothing is; values are checked by the parser.
 */
export const misuseOf = (shape: CommandShape, line: Line): string | undefined => {
  const command = spelled(shape.words)
  const { operands } = line
  const given = readOptions(shape, line)
  if (typeof given === "string") return given
  const missing = shape.options.filter((option) => option.required && !given.has(option))
  if (missing.length > 0) {
    return `${command} needs ${missing.map(({ names }) => names[0]).join(", ")}; see ${command} --help`
  }
  const needed = shape.arguments.filter(({ required }) => required)
  const absent = needed[operands.length]
  if (absent !== undefined) return `${command} needs ${absent.name}: ${absent.text}`
  const extra = shape.arguments.some(({ repeated }) => repeated) ? undefined : operands[shape.arguments.length]
  if (extra === undefined) {
    const nothing = operands.find((word, index) => {
      const name = (shape.arguments[index] ?? shape.arguments.at(-1))?.name.replace(/[<>]/g, "") ?? ""
      return identifiers.has(name) && namesNothing(word)
    })
    return nothing === undefined ? undefined : noName(nothing)
  }
  const takes = shape.arguments.length === 0 ? "takes no arguments" : `takes one ${shape.arguments[0]?.name}`
  return `${command} ${takes}; what is "${extra}"?`
}
