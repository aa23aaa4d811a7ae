import { quoteKey, type Report } from "./Diagnostic.ts"
import type { TokenKind, Tokens } from "./Lexer.ts"
import type { Source, Span } from "./Source.ts"

/**
 * The parser's place in the tokens. Every parse function takes a `limit` (the index of the token that ends its block)
 * and leaves `at` beyond what it read, so the whole parse is one pass.
 */
export interface Cursor {
  readonly source: Source
  readonly tokens: Tokens
  readonly match: Int32Array
  readonly report: Report
  at: number
  /** Looks at tokens so far, plus one for each token that was cut: what the parse cost, whatever the machine. */
  steps: number
  /** First and last tokens of the constructs that were skipped, in order. */
  readonly skipped: Array<readonly [first: number, last: number]>
}

/** The kind of a token, `end` at or beyond the limit. */
export const kindAt = (cursor: Cursor, index: number, limit: number): TokenKind | "end" => {
  cursor.steps++
  return index < limit ? (cursor.tokens.kindAt(index) ?? "end") : "end"
}

/** The text of a token, empty beyond the end. */
export const textAt = (cursor: Cursor, index: number): string => {
  const { source, tokens } = cursor
  return source.text.slice(tokens.startAt(index) ?? 0, tokens.endAt(index) ?? 0)
}

/** Whether a token is the first of its line. */
export const startsLine = (cursor: Cursor, index: number): boolean => cursor.tokens.isFirstAt(index)

/** Whether a token opens the given kind of group. */
export const opens = (cursor: Cursor, index: number, limit: number, opener: string): boolean =>
  kindAt(cursor, index, limit) === "open" && textAt(cursor, index) === opener

/** From the start of one token to the end of another. */
export const spanOf = (cursor: Cursor, first: number, last: number = first): Span => {
  const end = cursor.source.text.length
  const { source, tokens } = cursor
  return source.span(tokens.startAt(first) ?? end, tokens.endAt(Math.max(first, last)) ?? end)
}

/** How a message names a token. */
export const describeAt = (cursor: Cursor, index: number, limit: number): string =>
  kindAt(cursor, index, limit) === "end" ? "the end of the block" : quoteKey(textAt(cursor, index))

/** The index after a token, or after the whole group that it opens. */
export const afterGroup = (cursor: Cursor, index: number): number => {
  const close = cursor.match[index] ?? -1
  return close === -1 ? index + 1 : close + 1
}

/** Skips to the next token that is the first of its line; at least one token. */
export const skipLine = (cursor: Cursor, limit: number): void => {
  cursor.at = afterGroup(cursor, cursor.at)
  while (cursor.at < limit && !startsLine(cursor, cursor.at)) cursor.at = afterGroup(cursor, cursor.at)
}

/** Whether a token is the name of the block whose keyword stands before it on the same line. */
export const isBlockName = (cursor: Cursor, index: number, limit: number): boolean => {
  const kind = kindAt(cursor, index, limit)
  return (kind === "name" || kind === "string") && !startsLine(cursor, index)
}

/** Whether a `schedule` or `agent` block begins here, told by what follows the word. */
export const startsBlock = (cursor: Cursor, index: number, limit: number): boolean => {
  if (kindAt(cursor, index, limit) !== "name") return false
  const word = textAt(cursor, index)
  const named = isBlockName(cursor, index + 1, limit)
  if (word === "schedule") return opens(cursor, named ? index + 2 : index + 1, limit, "{")
  return word === "agent" && named && (opens(cursor, index + 2, limit, "{") || opens(cursor, index + 2, limit, "("))
}
