import { exitCodeTexts } from "./Errors.ts"
import { helpTexts } from "./HelpTexts.ts"
import type { CommandShape, OptionShape } from "./Shape.ts"
import { wrap } from "./Width.ts"

/** Columns of a help page: any terminal has them, and a page is read more easily than a wide one. */
const columns = 80

const indented = (text: string, by: number): ReadonlyArray<string> =>
  wrap(text, columns - by).map((line) => `${" ".repeat(by)}${line}`)

const section = (name: string, lines: ReadonlyArray<string>): ReadonlyArray<string> =>
  lines.length === 0 ? [] : ["", name, ...lines]

/** Names with what they mean beside them, or below where the names are long. */
const listed = (items: ReadonlyArray<readonly [name: string, text: string]>): ReadonlyArray<string> => {
  const width = Math.max(...items.map(([name]) => name.length)) + 4
  return items.flatMap(([name, text]) =>
    indented(text, width).map((line, index) => (index === 0 ? `  ${name.padEnd(width - 2)}${line.trimStart()}` : line))
  )
}

/** A value that can only be some words is named by them, unless they are many. */
const optionLines = ({ names, repeated, required, text, value }: OptionShape): ReadonlyArray<string> => {
  const long = value !== undefined && value.length > 44
  const name = names[0].replace(/^--/, "").toUpperCase()
  const shown =
    value === undefined ? "" : ` ${value === "text" || long ? name : value.includes("|") ? value : value.toUpperCase()}`
  const more = [
    ...(required ? ["needed"] : []),
    ...(repeated ? ["may be given again"] : []),
    ...(long && !text.includes(value.split("|")[1] ?? "") ? [`one of ${value.replaceAll("|", ", ")}`] : [])
  ]
  const described = [text, ...more].filter((part) => part !== "").join("; ")
  return [`  ${[...names].reverse().join(", ")}${shown}`, ...indented(described, 6)]
}

const usageOf = ({ arguments: args, commands, options, words }: CommandShape): string => {
  const needed = options.filter(({ required }) => required).map(({ names }) => `${names[0]} …`)
  const operands = args.map(({ name, repeated, required }) => {
    const shown = `${name}${repeated ? "..." : ""}`
    return required ? shown : `[${shown}]`
  })
  const more = commands.length > 0 ? ["COMMAND"] : []
  const others = options.length > needed.length || commands.length > 0 ? ["[options]"] : []
  return ["symbi", ...words, ...more, ...needed, ...others, ...operands].join(" ")
}

/** The page of one command, in at most 80 columns. */
export const pageOf = (shape: CommandShape): string => {
  const name = shape.words.join(" ")
  const { about = [], examples = [] } = helpTexts[name] ?? {}
  return [
    ...wrap(`symbi ${name}: ${shape.summary}`, columns),
    ...section("USAGE", indented(usageOf(shape), 2)),
    ...about.flatMap((text) => ["", ...wrap(text, columns)]),
    ...section(
      "COMMANDS",
      shape.commands.length === 0
        ? []
        : listed(shape.commands.map(({ summary, words }) => [words.at(-1) ?? "", summary]))
    ),
    ...section(
      "ARGUMENTS",
      shape.arguments.length === 0 ? [] : listed(shape.arguments.map(({ name, text }) => [name, text]))
    ),
    ...section("OPTIONS", shape.options.flatMap(optionLines)),
    ...section(
      "EXAMPLES",
      examples.map((line) => `  ${line}`)
    ),
    ...(shape.commands.length > 0 ? ["", `symbi help ${name} COMMAND says more of each.`] : [])
  ].join("\n")
}

const environment: ReadonlyArray<readonly [string, string]> = [
  ["SYMBI_SERVER", "where the service is, when --server does not say (default http://127.0.0.1:8080)"],
  ["SYMBI_API_KEY", "the API key that is sent; needed when the service has keys"],
  ["NO_COLOR", "no colours, whatever its value"],
  ["COLUMNS", "the width of the terminal, when it is to be another than it is"]
]

/** The page of `symbi` itself. */
export const mainPage = (shapes: ReadonlyArray<CommandShape>, version: string): string =>
  [
    `symbi ${version}: runs AI agents on schedules, durably`,
    ...section("USAGE", ["  symbi COMMAND [options]", "  symbi help COMMAND"]),
    ...section(
      "COMMANDS",
      listed(
        shapes.map(({ commands, summary, words }) => [
          words.join(" "),
          commands.length === 0 ? summary : `${summary}: ${commands.map(({ words }) => words.at(-1)).join(" ")}`
        ])
      )
    ),
    ...section("OPTIONS", [
      "  --server URL",
      ...indented("where the service is (or SYMBI_SERVER; default http://127.0.0.1:8080)", 6),
      "  -h, --help",
      "      the page of a command: symbi cron list --help",
      "  --version",
      "      the version"
    ]),
    ...section("ENVIRONMENT", listed(environment)),
    ...section("EXIT CODES", listed(exitCodeTexts)),
    ...section(
      "EXAMPLES",
      (helpTexts[""]?.examples ?? []).map((line) => `  ${line}`)
    )
  ].join("\n")
