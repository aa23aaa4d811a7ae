import * as Either from "effect/Either"
import { parse, TomlError } from "smol-toml"

/** A parsed TOML document; left says where (`line:column`) and what is wrong. */
export const parseToml = (text: string): Either.Either<Readonly<Record<string, unknown>>, string> =>
  Either.try({
    try: () => parse(text),
    catch: (error) => {
      const message = error instanceof Error ? error.message : String(error)
      const what = (message.split("\n")[0] ?? "").replace(/^Invalid TOML document: /, "")
      return error instanceof TomlError
        ? `${error.line}:${error.column}: invalid TOML: ${what}`
        : `invalid TOML: ${what}`
    }
  })

const segments = (key: string): ReadonlyArray<string> =>
  [...key.matchAll(/"([^"]*)"|'([^']*)'|([A-Za-z0-9_-]+)/g)].map((match) => match[1] ?? match[2] ?? match[3] ?? "")

const begins = (whole: ReadonlyArray<string>, start: ReadonlyArray<string>): boolean =>
  start.length <= whole.length && start.every((segment, index) => whole[index] === segment)

const part = `(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')`
const keyPattern = new RegExp(`^\\s*(${part}(?:\\s*\\.\\s*${part})*)\\s*=`)

/** The line (from 1) on which a key or a table is written, or the inline table that it is in. */
export const lineOf = (text: string, path: ReadonlyArray<string>): number | undefined => {
  let table: ReadonlyArray<string> = []
  for (const [index, line] of text.split("\n").entries()) {
    const header = line.match(/^\s*\[+([^\]]+)\]/)
    if (header !== null) {
      table = segments(header[1] ?? "")
      if (begins(table, path)) return index + 1
      continue
    }
    const key = line.match(keyPattern)
    if (key === null) continue
    const full = [...table, ...segments(key[1] ?? "")]
    if (begins(full, path) || begins(path, full)) return index + 1
  }
  return undefined
}
