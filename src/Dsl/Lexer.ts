import type { Steps } from "../Steps.ts"
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

const kinds: ReadonlyArray<TokenKind> = [
  "name",
  "string",
  "triple",
  "unclosed",
  "number",
  "open",
  "close",
  "separator",
  "comma",
  "other"
]
const codes = Object.fromEntries(kinds.map((kind, code) => [kind, code])) as Readonly<Record<TokenKind, number>>

/** Set beside the code of a kind. */
const firstBit = 128

/** The tokens of a text, column by column: a large file has millions, too many for objects. */
export class Tokens {
  length = 0
  #marks = new Uint8Array(64)
  #bounds = new Int32Array(128)

  kindAt(index: number): TokenKind | undefined {
    return index >= 0 && index < this.length ? kinds[(this.#marks[index] ?? 0) & ~firstBit] : undefined
  }

  /** Undefined beyond the end. */
  startAt(index: number): number | undefined {
    return index < this.length ? this.#bounds[2 * index] : undefined
  }

  /** Undefined beyond the end. */
  endAt(index: number): number | undefined {
    return index < this.length ? this.#bounds[2 * index + 1] : undefined
  }

  /** Whether a token is the first of its line. */
  isFirstAt(index: number): boolean {
    return index >= this.length || (this.#marks[index] ?? 0) >= firstBit
  }

  at(index: number): Token | undefined {
    const kind = this.kindAt(index)
    if (kind === undefined) return undefined
    const [start = 0, end = 0] = [this.startAt(index), this.endAt(index)]
    return { kind, start, end, firstOnLine: this.isFirstAt(index) }
  }

  push(kind: TokenKind, start: number, end: number, firstOnLine: boolean): void {
    if (this.length === this.#marks.length) this.#grow()
    this.#marks[this.length] = codes[kind] + (firstOnLine ? firstBit : 0)
    this.#bounds[2 * this.length] = start
    this.#bounds[2 * this.length + 1] = end
    this.length++
  }

  #grow(): void {
    const [marks, bounds] = [this.#marks, this.#bounds]
    this.#marks = new Uint8Array(2 * marks.length)
    this.#marks.set(marks)
    this.#bounds = new Int32Array(2 * bounds.length)
    this.#bounds.set(bounds)
  }
}

const number = /-?\d(?:[0-9A-Za-z_.]|(?<=[eE])[+-](?=\d))*/y
const furtherBlank = /[\s\uFEFF]/

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

const [tab, lineFeed, carriageReturn, space, quote, hash, minus, slash, backslash, underscore] = [
  9, 10, 13, 32, 34, 35, 45, 47, 92, 95
]

const isBlank = (code: number): boolean =>
  code === space ||
  (code >= tab && code <= carriageReturn) ||
  (code > 127 && furtherBlank.test(String.fromCharCode(code)))

const isDigit = (code: number): boolean => code >= 48 && code <= 57

const beginsName = (code: number): boolean =>
  (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || code === underscore

const endOfName = (text: string, start: number): number => {
  let at = start + 1
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (!beginsName(code) && !isDigit(code) && code !== minus) break
  }
  return at
}

const endOfNumber = (text: string, at: number): number => {
  number.lastIndex = at
  return number.test(text) ? number.lastIndex : at
}

/** The end of a string behind its closing quote, or as a negative number where its line ends without one. */
const endOfString = (text: string, start: number): number => {
  let at = start + 1
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === quote) return at + 1
    if (code === lineFeed) break
    if (code === backslash && text.charCodeAt(at + 1) !== lineFeed) at++
  }
  const end = Math.min(at, text.length)
  return -(text.charCodeAt(end - 1) === carriageReturn ? end - 1 : end)
}

/** Tokens that are cut in one step. */
const tokensInStep = 64

/** Cuts a text into tokens; comments and blanks fall away. Reports strings that are not closed. */
export function* lex(source: Source, report: Report): Steps<Tokens> {
  const { text } = source
  const tokens = new Tokens()
  let at = 0
  let firstOnLine = true
  let next = tokensInStep
  const push = (kind: TokenKind, end: number) => {
    tokens.push(kind, at, end, firstOnLine)
    firstOnLine = false
    at = end
  }
  while (at < text.length) {
    if (tokens.length >= next) {
      next += tokensInStep
      yield
    }
    const code = text.charCodeAt(at)
    if (isBlank(code)) {
      firstOnLine ||= code === lineFeed
      at++
    } else if (beginsName(code)) {
      push("name", endOfName(text, at))
    } else if (code === hash || (code === slash && text.charCodeAt(at + 1) === slash)) {
      const end = text.indexOf("\n", at)
      at = end === -1 ? text.length : end
    } else if (code === quote && text.startsWith('"""', at)) {
      const close = text.indexOf('"""', at + 3)
      if (close === -1) report.error(source.span(at, at + 3), 'this """ text is never closed')
      push(close === -1 ? "unclosed" : "triple", close === -1 ? text.length : close + 3)
    } else if (code === quote) {
      const end = endOfString(text, at)
      if (end < 0) {
        const hint = 'close it with ", or use """ for text of several lines'
        report.error(source.span(at, -end), "this string is not closed on its line", hint)
      }
      push(end < 0 ? "unclosed" : "string", Math.abs(end))
    } else {
      const afterNumber = isDigit(code) || code === minus ? endOfNumber(text, at) : at
      if (afterNumber > at) push("number", afterNumber)
      else push(punctuation[text.charAt(at)] ?? "other", at + ((text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1))
    }
  }
  return tokens
}
