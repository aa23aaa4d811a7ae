import { type Cursor, startsLine, textAt } from "./Cursor.ts"

/** What a stray sign most likely stands for, as a hint. */
export const hintAt = (cursor: Cursor, index: number): string | undefined => {
  const { text } = cursor.source
  const sign = textAt(cursor, index)
  const end = cursor.tokens.endAt(index) ?? text.length
  if (/^['`‘’“”]/.test(sign)) return 'strings stand in double quotes: "…"'
  if (sign === "$" && text[end] === "{") return `a variable stands in double quotes: "\${…}"`
  if (sign === ";") return "entries end with their line or with a comma; remove the ;"
  if (sign === "/" && text[end] === "*") return "comments begin with # or // and end with their line"
  if (sign === ":" && text.startsWith("//", end)) {
    return 'an address stands in double quotes: "https://…"; elsewhere // begins a comment'
  }
  if ((sign === "+" || sign === "-") && startsLine(cursor, index)) {
    return "in a diff, take the first character off each line (and the lines that begin with -)"
  }
  return undefined
}
