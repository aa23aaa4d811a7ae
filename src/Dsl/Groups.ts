import type { Report } from "./Diagnostic.ts"
import type { Token } from "./Lexer.ts"
import type { Source } from "./Source.ts"

const closers: Readonly<Record<string, string>> = { "{": "}", "[": "]", "(": ")" }

/**
 * For each opening brace, bracket or parenthesis the index of the token that closes it, -1 where none does. Reports
 * those never closed at the place where they open, and closing ones that close nothing. Linear.
 */
export const matchGroups = (source: Source, tokens: ReadonlyArray<Token>, report: Report): Int32Array => {
  const match = new Int32Array(tokens.length).fill(-1)
  const stack: Array<{ readonly index: number; readonly token: Token; readonly closer: string }> = []
  const waiting: Record<string, number> = { "}": 0, "]": 0, ")": 0 }
  const unclosedLines = new Set(
    tokens.flatMap((token) => (token.kind === "unclosed" ? [source.span(token.start, token.end).line] : []))
  )
  const neverClosed = (token: Token, closer: string) => {
    const span = source.span(token.start, token.end)
    // On the line of an unclosed string the closing brace is most likely inside that string.
    if (unclosedLines.has(span.line)) return
    const opener = source.text.slice(token.start, token.end)
    report.error(span, `syntax error: this '${opener}' is never closed`, `add the missing '${closer}'`)
  }
  tokens.forEach((token, index) => {
    const text = source.text.slice(token.start, token.start + 1)
    if (token.kind === "open") {
      const closer = closers[text] ?? text
      stack.push({ index, token, closer })
      waiting[closer] = (waiting[closer] ?? 0) + 1
    } else if (token.kind === "close") {
      if ((waiting[text] ?? 0) === 0) {
        report.error(source.span(token.start, token.end), `syntax error: this '${text}' closes nothing`)
        return
      }
      for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
        waiting[top.closer] = (waiting[top.closer] ?? 0) - 1
        if (top.closer === text) {
          match[top.index] = index
          break
        }
        neverClosed(top.token, top.closer)
      }
    }
  })
  for (const { token, closer } of stack) neverClosed(token, closer)
  return match
}
