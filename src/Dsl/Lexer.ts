import type { Report } from "./Diagnostic.ts"
import type { Source } from "./Source.ts"

/** `unclosed` is a string without its closing quote; `number` also covers durations such as `5m`. */
export type TokenKind =
  | "name"
  | "string"
  | "triple"
  | "unclosed"
  | "number"
  | "open"
  | "close"
  | "separator"
  | "comma"
  | "other"

/** A token, as a stretch of the text. */
export interface Token {
  readonly kind: TokenKind
  readonly start: number
  readonly end: number
  readonly firstOnLine: boolean
}

const blank = /[\s\uFEFF]+/y
const comment = /(?:#|\/\/)[^\n]*/y
const name = /[A-Za-z_][A-Za-z0-9_-]*/y
const number = /-?\d(?:[0-9A-Za-z_.]|(?<=[eE])[+-](?=\d))*/y

const punctuation: Readonly<Record<string, TokenKind>> = {
  "{": "open",
  "[": "open",
  "(": "open",
  "}": "close",
  "]": "close",
  ")": "close",
  ":": "separator",
  "=": "separator",
  ",": "comma"
}

const endOf = (pattern: RegExp, text: string, at: number): number => {
  pattern.lastIndex = at
  return pattern.test(text) ? pattern.lastIndex : at
}

const endOfString = (text: string, start: number): { readonly end: number; readonly closed: boolean } => {
  let at = start + 1
  while (at < text.length && text[at] !== "\n") {
    if (text[at] === '"') return { end: at + 1, closed: true }
    at += text[at] === "\\" && text[at + 1] !== "\n" ? 2 : 1
  }
  const end = Math.min(at, text.length)
  return { end: text[end - 1] === "\r" ? end - 1 : end, closed: false }
}

/** Cuts a text into tokens; comments and blanks fall away. Reports strings that are not closed. */
export const lex = (source: Source, report: Report): ReadonlyArray<Token> => {
  const { text } = source
  const tokens: Array<Token> = []
  let at = 0
  let firstOnLine = true
  const push = (kind: TokenKind, end: number) => {
    tokens.push({ kind, start: at, end, firstOnLine })
    firstOnLine = false
    at = end
  }
  while (at < text.length) {
    const afterBlank = endOf(blank, text, at)
    if (afterBlank > at) {
      firstOnLine ||= text.slice(at, afterBlank).includes("\n")
      at = afterBlank
      continue
    }
    const afterComment = endOf(comment, text, at)
    if (afterComment > at) {
      at = afterComment
      continue
    }
    if (text.startsWith('"""', at)) {
      const close = text.indexOf('"""', at + 3)
      if (close === -1) report.error(source.span(at, at + 3), 'this """ text is never closed')
      push(close === -1 ? "unclosed" : "triple", close === -1 ? text.length : close + 3)
    } else if (text[at] === '"') {
      const { end, closed } = endOfString(text, at)
      if (!closed) {
        const hint = 'close it with ", or use """ for text of several lines'
        report.error(source.span(at, end), "this string is not closed on its line", hint)
      }
      push(closed ? "string" : "unclosed", end)
    } else {
      const afterName = endOf(name, text, at)
      const afterNumber = afterName > at ? at : endOf(number, text, at)
      if (afterName > at) push("name", afterName)
      else if (afterNumber > at) push("number", afterNumber)
      else push(punctuation[text.charAt(at)] ?? "other", at + ((text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1))
    }
  }
  return tokens
}
