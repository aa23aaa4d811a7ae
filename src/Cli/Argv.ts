const switches: ReadonlySet<string> = new Set([
  "--follow",
  "--force",
  "--watch",
  "--wait",
  "--follow",
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
  "--network",
  "--help",
  "-h",
  "--version",
  "--wizard"
])

/** Commands that only lead to others. */
const groups: ReadonlySet<string> = new Set(["cron", "approvals", "deliveries", "agents", "audit", "agentpin", "keys"])

/** Options that may be given again. Of these the parser leaves out an empty value, and with it what was asked for. */
const repeated: ReadonlySet<string> = new Set(["--capability", "--scope", "--label"])

/** The first such option whose value is empty, in words that were put in order. */
export const emptyOption = (words: ReadonlyArray<string>): string | undefined =>
  words.find((word, index) => repeated.has(word) && words[index + 1] === "")

const isFlag = (word: string): boolean => word.startsWith("-") && word.length > 1

/**
 * The words of a command line in the order that the parser wants: the global `--server`, the command, its flags, then
 * everything else. People write flags after the job as well as before it.
 */
export const orderWords = (words: ReadonlyArray<string>): ReadonlyArray<string> => {
  const server: Array<string> = []
  const command: Array<string> = []
  const flags: Array<string> = []
  const operands: Array<string> = []
  const rest = [...words]
  while (true) {
    const word = rest.shift()
    if (word === undefined) break
    if (word === "--") {
      operands.push(...rest)
      break
    }
    if (isFlag(word)) {
      const into = word === "--server" || word.startsWith("--server=") ? server : flags
      // The parser takes `--name=value` only of options that are given once.
      const [, name, given] = /^(--[^=]+)=([\s\S]*)$/.exec(word) ?? []
      if (name !== undefined && given !== undefined && !switches.has(name)) {
        into.push(name, given)
        continue
      }
      into.push(word)
      const value = rest[0]
      // `-f` is the folder of `symbi apply`.
      const isSwitch = switches.has(word) || (word === "-f" && command[0] === "logs")
      if (!isSwitch && value !== undefined) {
        into.push(value)
        rest.shift()
      }
    } else if (command.length === 0 || (command.length === 1 && groups.has(command[0] ?? ""))) {
      command.push(word)
    } else {
      operands.push(word)
    }
  }
  return [...server, ...command, ...flags, ...operands]
}

/** The words of a command among words that were put in order: what is before its flags and behind `--server`. */
export const commandOf = (words: ReadonlyArray<string>): ReadonlyArray<string> => {
  const start = words.findIndex((word, index) => !isFlag(word) && words[index - 1] !== "--server")
  if (start === -1) return []
  const end = words.findIndex((word, index) => index > start && isFlag(word))
  return words.slice(start, end === -1 ? undefined : end)
}
