import type { Cursor } from "./Cursor.ts"
import { quoteKey } from "./Diagnostic.ts"

const simpleEscapes: Readonly<Record<string, string>> = { '"': '"', "\\": "\\", n: "\n", t: "\t" }

/** The text of a string token without its quotes and escapes; reports unknown escapes. Undefined if there were any. */
export const readString = (cursor: Cursor, index: number): string | undefined => {
  const token = cursor.tokens.at(index)
  if (token === undefined) return undefined
  if (token.kind === "triple") return cursor.source.text.slice(token.start + 3, token.end - 3).replace(/^\r?\n/, "")
  const text = cursor.source.text.slice(token.start + 1, token.end - 1)
  if (!text.includes("\\")) return text
  const parts: Array<string> = []
  let sound = true
  let from = 0
  for (let at = text.indexOf("\\", from); at !== -1; at = text.indexOf("\\", from)) {
    parts.push(text.slice(from, at))
    const escape = text.charAt(at + 1)
    const code = escape === "u" ? text.slice(at + 2, at + 6) : ""
    const plain = simpleEscapes[escape]
    if (plain !== undefined) {
      parts.push(plain)
      from = at + 2
    } else if (/^[0-9A-Fa-f]{4}$/.test(code)) {
      parts.push(String.fromCharCode(Number.parseInt(code, 16)))
      from = at + 6
    } else {
      sound = false
      from = at + 2
      const hint = 'known are \\" \\\\ \\n \\t and \\uXXXX; a backslash itself is written \\\\'
      const start = token.start + 1 + at
      cursor.report.error(
        cursor.source.span(start, start + 2),
        `unknown escape ${quoteKey(text.slice(at, from))}`,
        hint
      )
    }
  }
  parts.push(text.slice(from))
  return sound ? parts.join("") : undefined
}
