import { readFileSync } from "node:fs"
import { type ParsedFile, parseFile } from "../../src/Dsl.ts"

/** The text of a fixture; of a unified diff the new side, without its first character of each line. */
export const fixture = (name: string): string => {
  const text = readFileSync(new URL(`../fixtures/dsl/${name}`, import.meta.url), "utf8")
  return name.endsWith(".diff")
    ? text
        .split("\n")
        .map((line) => line.slice(1))
        .join("\n")
    : text
}

/** Parses a text under the file name `a.symbi`. */
export const read = (text: string): ParsedFile => parseFile(text, "a.symbi")

/** Diagnostics as `line:column severity: message`. */
export const lines = (parsed: ParsedFile): ReadonlyArray<string> =>
  parsed.diagnostics.map((d) => `${d.line}:${d.column} ${d.severity}: ${d.message}`)

/** The hints of a file's diagnostics. */
export const hints = (parsed: ParsedFile): ReadonlyArray<string | undefined> => parsed.diagnostics.map((d) => d.hint)
