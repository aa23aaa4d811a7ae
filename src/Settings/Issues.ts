import type * as ParseResult from "effect/ParseResult"
import { type Merged, showValue } from "./Sources.ts"

const plain: Readonly<Record<string, string>> = {
  string: "a text",
  number: "a number",
  boolean: "true or false",
  "ReadonlyArray<string>": "a list of texts",
  "a non empty string": "a text that is not empty"
}

const expectation = (message: string): string | undefined => {
  const expected = message.match(/^Expected ([\s\S]*), actual [\s\S]*$/)?.[1]
  return expected === undefined ? (/^an? /.test(message) ? message : undefined) : (plain[expected] ?? expected)
}

/** One line per key: where it was set, what is expected, what was found. Alternatives of a key are joined by "or". */
export const describeIssues = (
  issues: ReadonlyArray<ParseResult.ArrayFormatterIssue>,
  origin: Merged["origin"]
): ReadonlyArray<string> => {
  const byKey = new Map<string, Array<string>>()
  for (const { message, path } of issues) {
    const key = path.map(String).join(".")
    byKey.set(key, [...(byKey.get(key) ?? []), message])
  }
  return [...byKey].map(([path, messages]) => {
    const { found, where } = origin(path) ?? { where: path, found: undefined }
    const expected = messages.map(expectation).filter((text) => text !== undefined)
    return expected.length === messages.length
      ? `${where}: expected ${expected.join(" or ")}, found ${showValue(found)}`
      : `${where}: ${messages.join("; ")}`
  })
}
