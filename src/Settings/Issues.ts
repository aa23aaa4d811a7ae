import type * as ParseResult from "effect/ParseResult"
import { type Merged, showValue, withoutUser } from "./Sources.ts"

const plain: Readonly<Record<string, string>> = {
  string: "a text",
  number: "a number",
  boolean: "true or false",
  "ReadonlyArray<string>": "a list of texts",
  "ReadonlyArray<NonEmptyString>": "a list of texts",
  "readonly [NonEmptyString, ...NonEmptyString[]]": "a list of texts",
  "a non empty string": "a text that is not empty"
}

const expectation = (message: string): string | undefined => {
  const expected = message.match(/^Expected ([\s\S]*), actual [\s\S]*$/)?.[1]
  return expected === undefined ? (/^an? /.test(message) ? message : undefined) : (plain[expected] ?? expected)
}

/** What stands at the end of a path: of a list, the entry that the path leads to. */
const within = (found: unknown, path: ReadonlyArray<PropertyKey>): unknown => {
  const index = path.at(-1)
  return Array.isArray(found) && typeof index === "number" ? found[index] : found
}

const missing = "is missing"

/** One line per key: where it was set, what is expected, what was found. Alternatives of a key are joined by "or". */
export const describeIssues = (
  issues: ReadonlyArray<ParseResult.ArrayFormatterIssue>,
  { origin, tableOf }: Pick<Merged, "origin" | "tableOf">
): ReadonlyArray<string> => {
  const byKey = new Map<string, { readonly path: ReadonlyArray<PropertyKey>; readonly messages: Array<string> }>()
  for (const { message, path } of issues) {
    const key = path.map(String).join(".")
    const known = byKey.get(key)
    if (known === undefined) byKey.set(key, { path, messages: [message] })
    else known.messages.push(message)
  }
  return [...byKey].map(([key, { messages, path }]) => {
    const own = origin(key)
    const { found, where } = own ?? tableOf(key) ?? { where: key, found: undefined }
    if (messages[0] === missing) {
      return own === undefined
        ? `${where}: needs ${String(path.at(-1))}`
        : `${where}: is empty; give at least one entry`
    }
    const expected = messages.map(expectation).filter((text) => text !== undefined)
    return expected.length === messages.length
      ? `${where}: expected ${expected.join(" or ")}, found ${showValue(withoutUser(key, within(found, path)))}`
      : `${where}: ${messages.join("; ")}`
  })
}
