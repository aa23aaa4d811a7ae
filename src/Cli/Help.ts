/** What the help says of every flag of a type, or twice. */
const noise =
  /^(A user-defined piece of text\.|An integer\.|A true or false value\.|This setting is optional\.|Symbiont Scheduler)$/

/** A help page without what tells nothing, with the whole command in its usage line. */
export const tidyHelp = (page: string, command: ReadonlyArray<string>): string => {
  const lines: Array<string> = []
  for (const line of page.split("\n")) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours
    const bare = line.replace(/\u001b\[[0-9;]*m/g, "").trim()
    if (noise.test(bare)) continue
    if (bare === "" && lines.at(-1) === "") continue
    lines.push(bare === "" ? "" : line.trimEnd())
  }
  const whole = ["symbi", ...command]
  return lines
    .join("\n")
    .trim()
    .replace(/(\n {2}- .*)\n(?=\n {2}- )/g, "$1")
    .replace(/(\n-[^\n]*)\n\n(?= )/g, "$1\n")
    .replace(`$ ${whole.at(-1)}`, `$ ${whole.join(" ")}`)
}
