import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("../..", import.meta.url))

/** A fenced block of a page; `name` is the file that it shows, and `line` where its fence is. */
export interface Block {
  readonly page: string
  readonly line: number
  readonly language: string
  readonly name: string
  readonly text: string
}

/** A line for the shell, whole: with what it continues on, and its here-document. */
export interface Command {
  readonly where: string
  readonly text: string
  /** What the page shows below it; empty when it shows nothing. */
  readonly shown: string
  /** The exit code that the page says by `# exit N`; else 0. */
  readonly exit: number
}

/** README.md and the guides; the reference pages are made by the program itself. */
export const pages: ReadonlyArray<string> = [
  "README.md",
  ...readdirSync(join(root, "docs"))
    .filter((name) => name.endsWith(".md") && name !== "http.md" && name !== "cli.md")
    .sort()
    .map((name) => `docs/${name}`)
]

/** The text of a page, by its path in the repository. */
export const textOf = (page: string): string => readFileSync(join(root, page), "utf8")

/** All fenced blocks of a page, in order. */
export const blocksOf = (page: string): ReadonlyArray<Block> => {
  const blocks: Array<Block> = []
  let open: { line: number; info: string; lines: Array<string> } | undefined
  textOf(page)
    .split("\n")
    .forEach((line, index) => {
      if (open === undefined) {
        if (line.startsWith("```")) open = { line: index + 1, info: line.slice(3), lines: [] }
      } else if (line === "```") {
        const [language = "", name = ""] = open.info.split(" ")
        blocks.push({ page, line: open.line, language, name, text: `${open.lines.join("\n")}\n` })
        open = undefined
      } else open.lines.push(line)
    })
  if (open !== undefined) throw new Error(`${page}:${open.line}: the block does not end`)
  return blocks
}

/** The file that a page shows under a name. */
export const fileShown = (page: string, name: string): string => {
  const block = blocksOf(page).find((one) => one.name === name)
  if (block === undefined) throw new Error(`${page} has no ${name}`)
  return block.text
}

const endsWithin = (lines: ReadonlyArray<string>): boolean => {
  const delimiter = /<<'?(\w+)'?/.exec(lines[0] ?? "")?.[1]
  if (delimiter !== undefined) return lines.at(-1) === delimiter
  return !(lines.at(-1) ?? "").endsWith("\\")
}

/** The commands of a block: of `sh` each line, of `console` what stands behind `$ `. */
export const commandsOf = ({ language, line, page, text }: Block): ReadonlyArray<Command> => {
  const commands: Array<Command> = []
  const lines = text.replace(/\n$/, "").split("\n")
  for (let at = 0; at < lines.length; ) {
    const first = lines[at] ?? ""
    const begins = language === "sh" ? first !== "" && !first.startsWith("#") : first.startsWith("$ ")
    if (!begins) {
      at++
      continue
    }
    const where = `${page}:${line + 1 + at}`
    const own = [first.replace(/^\$ /, "")]
    at++
    while (!endsWithin(own) && at < lines.length) own.push(lines[at++] ?? "")
    const shown: Array<string> = []
    while (language === "console" && at < lines.length && !(lines[at] ?? "").startsWith("$ ")) {
      shown.push(lines[at++] ?? "")
    }
    const exit = /#.*\bexit (\d+)/.exec(own[0] ?? "")?.[1] ?? "0"
    commands.push({ where, text: own.join("\n"), shown: shown.join("\n").trim(), exit: Number(exit) })
  }
  return commands
}

const literal = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")

const ids = "(?:job|run|apr|dlv|key|ses)_[0-9a-z]{26}"
const duration = String.raw`\d+(?:\.\d+)?(?:ms|[smhd])(?:\d+[smh])?`

/** What differs from one time to the next, and what stands for it; the first that fits counts. */
const varying: ReadonlyArray<readonly [pattern: string, standsFor: string]> = [
  [String.raw`\s*(?:…|\.\.\.)\s*`, String.raw`[\s\S]*?`],
  [ids, `(${ids})`],
  [String.raw`\d{8}T\d{6}Z`, String.raw`\d{8}T\d{6}Z`],
  [
    String.raw`\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?Z?`,
    String.raw`\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?Z?`
  ],
  [String.raw`\d{4}-\d\d-\d\d`, String.raw`\d{4}-\d\d-\d\d`],
  [String.raw`\b20\d\d-\d\d\b`, String.raw`\d{4}-\d\d`],
  [String.raw`(?:127\.0\.0\.1|localhost):\d+`, String.raw`(?:127\.0\.0\.1|localhost):\d+`],
  [String.raw`/home/me(?:/[\w.-]+)*`, String.raw`/[\w./-]+`],
  [String.raw`\b[0-9a-f]{64}\b`, "[0-9a-f]{64}"],
  [String.raw`\b\d+(?:\.\d+)? (?:[KMG]iB|B)\b`, String.raw`\d+(?:\.\d+)? (?:[KMG]iB|B)`],
  [`\\b${duration} ago\\b`, `(?:${duration} ago|now)`],
  [String.raw`\b${duration}\b`, duration],
  [String.raw`[ \t]+`, "[ \\t]+"]
]

const one = new RegExp(varying.map(([pattern]) => `(${pattern})`).join("|"), "g")

const tidy = (text: string): string =>
  text
    .replaceAll("\r\n", "\n")
    .replace(/[ \t]+$/gm, "")
    .trim()

/**
 * Compares what a command said with what its page shows, but for times, ids, durations, sizes, ports and paths; an
 * ellipsis stands for anything. Gives the ids that stand for those of the page, or nothing when they differ.
 */
export const idsInPlaceOf = (shown: string, said: string): ReadonlyMap<string, string> | undefined => {
  const expected = tidy(shown)
  const own: Array<string> = []
  let pattern = ""
  let from = 0
  for (const match of expected.matchAll(one)) {
    const which = match.slice(1).findIndex((group) => group !== undefined)
    pattern += literal(expected.slice(from, match.index)) + (varying[which]?.[1] ?? "")
    from = match.index + match[0].length
    if (which === 1) own.push(match[0])
  }
  const found = new RegExp(`^${pattern}${literal(expected.slice(from))}$`).exec(tidy(said))
  return found === null ? undefined : new Map(own.map((id, index) => [id, found[index + 1] ?? ""]))
}
