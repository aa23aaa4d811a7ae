import * as Option from "effect/Option"

const switches: ReadonlySet<string> = new Set([
  "--follow",
  "--force",
  "--watch",
  "--wait",
  "--yes",
  "-y",
  "--queue",
  "--dry-run",
  "--prune",
  "--network",
  "--with-logs",
  "--all",
  "--all-failed",
  "--all-dead",
  "--check",
  "--clear",
  "--allow-unset",
  "--quick",
  "--keep",
  "--help",
  "-h",
  "--version",
  "--wizard"
])

/** Commands that only lead to others. */
const groups: ReadonlySet<string> = new Set(["cron", "approvals", "deliveries", "agents", "audit", "agentpin", "keys"])

/** Options that are as if they were not given when their value is empty: a variable of a script may be. */
const unsetWhenEmpty: ReadonlySet<string> = new Set(["--server", "--data"])

/** Options that may be given again. Of these the parser leaves out an empty value, and with it what was asked for. */
const repeated: ReadonlySet<string> = new Set(["--capability", "--scope", "--label"])

/** An option as it was given; `value` is undefined when none was. */
export interface GivenOption {
  readonly name: string
  readonly value: string | undefined
}

/** A command line, read: what is an option, what its value, and what is neither. */
export interface Line {
  /** The words of the command: none, one, or two of a group. */
  readonly command: ReadonlyArray<string>
  readonly options: ReadonlyArray<GivenOption>
  readonly operands: ReadonlyArray<string>
}

/** Whether a word asks for an option, where one may stand. */
const isFlag = (word: string): boolean => word.startsWith("-") && word.length > 1

/** Whether an option takes no value. `-f` is the folder of `symbi apply`. */
const isSwitch = (name: string, command: ReadonlyArray<string>): boolean =>
  switches.has(name) || (name === "-f" && command[0] === "logs")

/**
 * Reads the words after `symbi`. People write options after the job as well as before it; what follows an option that
 * takes a value is its value, whatever it looks like, and behind `--` there are no options.
 */
export const readLine = (words: ReadonlyArray<string>): Line => {
  const command: Array<string> = []
  const options: Array<GivenOption> = []
  const operands: Array<string> = []
  const rest = [...words]
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === "--") {
      operands.push(...rest)
      break
    }
    if (isFlag(word)) {
      const [, name = word, attached] = /^(--[^=]+)=([\s\S]*)$/.exec(word) ?? []
      const value = attached ?? (isSwitch(name, command) ? undefined : rest.shift())
      if (value !== "" || !unsetWhenEmpty.has(name)) options.push({ name, value })
    } else if (command.length === 0 || (command.length === 1 && groups.has(command[0] ?? ""))) {
      command.push(word)
    } else {
      operands.push(word)
    }
  }
  return { command, options, operands }
}

/** Whether one of these options was given. */
export const isGiven = ({ options }: Line, ...names: ReadonlyArray<string>): boolean =>
  options.some(({ name }) => names.includes(name))

/** The first option that may be given again whose value is empty. */
export const emptyOption = ({ options }: Line): string | undefined =>
  options.find(({ name, value }) => repeated.has(name) && value === "")?.name

/** No word of a command line can have it. */
const mark = "\0"

/** A word that the parser would take for something else (an option, `--`) does not look so with the mark. */
const guarded = (word: string): string => (/^-(?!\d+$)/.test(word) ? `${mark}${word}` : word)

/**
 * A line as words for the parser: `--server`, the command, its options, then everything else. Words that are no
 * options but look so are marked, which {@link unmarked} undoes.
 */
export const parserWords = ({ command, operands, options }: Line): ReadonlyArray<string> => {
  // The parser takes a word such as "on" after a switch for its value, unless it has one.
  const wordsOf = ({ name, value }: GivenOption) => [name, value === undefined ? "true" : guarded(value)]
  const ofServer = ({ name }: GivenOption) => name === "--server"
  return [
    ...options.filter(ofServer).flatMap(wordsOf),
    ...command,
    ...options.filter((option) => !ofServer(option)).flatMap(wordsOf),
    ...operands.map(guarded)
  ]
}

const unmarkedIn = (value: unknown): unknown => {
  if (typeof value === "string") return value.startsWith(mark) ? value.slice(mark.length) : value
  if (Array.isArray(value)) return value.map(unmarkedIn)
  if (Option.isOption(value)) return Option.map(value, unmarkedIn)
  const isRecord = typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype
  return isRecord ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, unmarkedIn(inner)])) : value
}

/** What the parser made of {@link parserWords}, with the words as they were given. */
export const unmarked = <A>(parsed: A): A => unmarkedIn(parsed) as A
