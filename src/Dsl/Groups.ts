import type { Report } from "./Diagnostic.ts"
import type { Tokens } from "./Lexer.ts"
import type { Source } from "./Source.ts"

const closers: Readonly<Record<string, string>> = { "{": "}", "[": "]", "(": ")" }

/**
 * For each opening brace, bracket or parenthesis the index of the token that closes it, -1 where none does. Reports
 * those never closed at the place where they open, and closing ones that close nothing. Linear.
 */
export const matchGroups = (source: Source, tokens: Tokens, report: Report): Int32Array => {
  const match = new Int32Array(tokens.length).fill(-1)
  const stack: Array<{ readonly index: number; readonly closer: string }> = []
  const waiting: Record<string, number> = { "}": 0, "]": 0, ")": 0 }
  const spanOf = (index: number) => source.span(tokens.startAt(index) ?? 0, tokens.endAt(index) ?? 0)
  const textOf = (index: number) => source.text.charAt(tokens.startAt(index) ?? 0)
  const unclosedLines = new Set<number>()
  for (let index = 0; index < tokens.length; index++) {
    if (tokens.kindAt(index) === "unclosed") unclosedLines.add(spanOf(index).line)
  }
  const neverClosed = (index: number, closer: string) => {
    const span = spanOf(index)
    // On the line of an unclosed string the closing brace is most likely inside that string.
    if (unclosedLines.has(span.line)) return
    report.error(span, `syntax error: this '${textOf(index)}' is never closed`, `add the missing '${closer}'`)
  }
  for (let index = 0; index < tokens.length; index++) {
    const kind = tokens.kindAt(index)
    if (kind === "open") {
      const text = textOf(index)
      const closer = closers[text] ?? text
      stack.push({ index, closer })
      waiting[closer] = (waiting[closer] ?? 0) + 1
    } else if (kind === "close") {
      const text = textOf(index)
      if ((waiting[text] ?? 0) === 0) {
        report.error(spanOf(index), `syntax error: this '${text}' closes nothing`)
        continue
      }
      for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
        waiting[top.closer] = (waiting[top.closer] ?? 0) - 1
        if (top.closer === text) {
          match[top.index] = index
          break
        }
        neverClosed(top.index, top.closer)
      }
    }
  }
  for (const { closer, index } of stack) neverClosed(index, closer)
  return match
}
