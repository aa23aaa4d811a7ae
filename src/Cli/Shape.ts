import * as CliConfig from "@effect/cli/CliConfig"
import * as CommandDescriptor from "@effect/cli/CommandDescriptor"
import type * as HelpDoc from "@effect/cli/HelpDoc"
import type * as Span from "@effect/cli/HelpDoc/Span"
import type * as Usage from "@effect/cli/Usage"
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"

/** An option of a command. */
export interface OptionShape {
  /** The long name first. */
  readonly names: readonly [string, ...ReadonlyArray<string>]
  /** What its value is called, or its words with `|` between them; undefined when it takes none. */
  readonly value: string | undefined
  readonly text: string
  readonly required: boolean
  readonly repeated: boolean
}

/** What a command takes besides its options. */
export interface ArgumentShape {
  readonly name: string
  readonly text: string
  readonly required: boolean
  readonly repeated: boolean
}

/** A command as the help, the completions and the check of words see it. */
export interface CommandShape {
  /** The words that ask for it, after `symbi`. */
  readonly words: ReadonlyArray<string>
  readonly summary: string
  readonly options: ReadonlyArray<OptionShape>
  readonly arguments: ReadonlyArray<ArgumentShape>
  /** Those under it, in their order. */
  readonly commands: ReadonlyArray<CommandShape>
}

const spanText = (span: Span.Span): string => {
  switch (span._tag) {
    case "Sequence":
      return spanText(span.left) + spanText(span.right)
    case "Text":
    case "URI":
      return span.value
    default:
      return spanText(span.value)
  }
}

/** What the library says of every option of a type. */
const noise =
  /^(A user-defined piece of text\.|An integer\.|A true or false value\.|This setting is optional\.|This (option|argument) (must|may) be repeated .*)$/

/** The text of a page, a paragraph a line. */
export const textOf = (doc: HelpDoc.HelpDoc): string => {
  switch (doc._tag) {
    case "Empty":
      return ""
    case "Header":
    case "Paragraph":
      return spanText(doc.value)
    case "DescriptionList":
      return doc.definitions.map(([span, inner]) => `${spanText(span)}\n${textOf(inner)}`).join("\n")
    case "Enumeration":
      return doc.elements.map(textOf).join("\n")
    case "Sequence":
      return [textOf(doc.left), textOf(doc.right)].filter((text) => text !== "").join("\n")
  }
}

interface Described {
  readonly text: string
  /** Whether it is repeated, and has to be there at least once. */
  readonly needed: boolean
}

/** The descriptions of options and arguments, by their first name. */
const descriptionsOf = (doc: HelpDoc.HelpDoc): ReadonlyMap<string, Described> => {
  switch (doc._tag) {
    case "Sequence":
      return new Map([...descriptionsOf(doc.left), ...descriptionsOf(doc.right)])
    case "DescriptionList":
      return new Map(
        doc.definitions.map(([span, inner]) => {
          const name = /--[\w-]+|<[^>]+>/.exec(spanText(span))?.[0] ?? ""
          const lines = textOf(inner)
            .split("\n")
            .filter((line) => line !== "" && !noise.test(line))
            .map((line) => line.replace(/^This setting is optional\. Defaults to: (.*)$/, "(default $1)"))
          const said = lines[0]?.includes("default") === true
          const text = lines.filter((line) => !(said && line.startsWith("(default"))).join(" ")
          return [name, { text, needed: /must be repeated at least [1-9]/.test(textOf(inner)) }] as const
        })
      )
    default:
      return new Map()
  }
}

const nothing: Described = { text: "", needed: false }

const summaryOf = (doc: HelpDoc.HelpDoc): string => {
  const lines = textOf(doc).split("\n")
  return lines[lines.indexOf("DESCRIPTION") + 1] ?? ""
}

interface Named {
  readonly names: ReadonlyArray<string>
  readonly value: string | undefined
  readonly required: boolean
  readonly repeated: boolean
}

const namedIn = (usage: Usage.Usage, required = true, repeated = false): ReadonlyArray<Named> => {
  switch (usage._tag) {
    case "Named":
      return [{ names: usage.names, value: Option.getOrUndefined(usage.acceptedValues), required, repeated }]
    case "Optional":
      return namedIn(usage.usage, false, repeated)
    case "Repeated":
      return namedIn(usage.usage, required, true)
    case "Alternation":
      return [...namedIn(usage.left, false, repeated), ...namedIn(usage.right, false, repeated)]
    case "Concat":
      return [...namedIn(usage.left, required, repeated), ...namedIn(usage.right, required, repeated)]
    default:
      return []
  }
}

const config = CliConfig.make({ showBuiltIns: false })

/** The names under a command in the order of its help: the library's map of them has none. */
const namesUnder = (doc: HelpDoc.HelpDoc, known: ReadonlySet<string>): ReadonlyArray<string> => {
  const lines = textOf(doc).split("\n")
  const start = lines.indexOf("COMMANDS")
  const firsts = start === -1 ? [] : lines.slice(start + 1).map((line) => line.split(" ")[0] ?? "")
  return [...new Set(firsts)].filter((name) => known.has(name))
}

/** The shape of a command that is asked for by these words. */
export const shapeOf = (command: CommandDescriptor.Command<unknown>, words: ReadonlyArray<string>): CommandShape => {
  const doc = CommandDescriptor.getHelp(command, config)
  const texts = descriptionsOf(doc)
  const under = CommandDescriptor.getSubcommands(command)
  // The library gives a command that leads to no others itself.
  const isGroup = HashMap.size(under) > 1 || !HashMap.has(under, words.at(-1) ?? "")
  const named = namedIn(CommandDescriptor.getUsage(command))
  const options = named.flatMap(({ names, ...rest }): ReadonlyArray<OptionShape> => {
    const [first, ...others] = [...names].filter((name) => name.startsWith("-")).sort((a, b) => b.length - a.length)
    if (first === undefined) return []
    const { needed, text } = texts.get(first) ?? nothing
    return [{ ...rest, names: [first, ...others], text, required: rest.repeated ? needed : rest.required }]
  })
  const args = named.flatMap(({ names, required, repeated }): ReadonlyArray<ArgumentShape> => {
    const [name = ""] = names
    if (!name.startsWith("<")) return []
    const { needed, text } = texts.get(name) ?? nothing
    return [{ name, text, required: repeated ? needed : required, repeated }]
  })
  const commands = isGroup
    ? namesUnder(doc, new Set(HashMap.keys(under))).flatMap((name) =>
        Option.match(HashMap.get(under, name), {
          onNone: () => [],
          onSome: (child) => [shapeOf(child, [...words, name])]
        })
      )
    : []
  return { words, summary: summaryOf(doc), options, arguments: args, commands }
}
