import { Diagnostic } from "../Domain/Diagnostic.ts"
import type { Span } from "./Source.ts"

export { Diagnostic }

/** Makes a diagnostic about a span. */
export const diagnosticAt = (
  severity: Diagnostic["severity"],
  file: string,
  span: Span,
  message: string,
  hint?: string | undefined
): Diagnostic => ({
  severity,
  file,
  line: span.line,
  column: span.column,
  length: Math.max(1, span.length),
  message,
  ...(hint === undefined ? {} : { hint })
})

/** What to do about it; a function where finding it out takes work, which is not done for what is left out. */
export type Hint = string | undefined | (() => string | undefined)

/** Collects what is found, in whatever order it is found. */
export interface Report {
  readonly error: (span: Span, message: string, hint?: Hint) => void
  readonly warning: (span: Span, message: string, hint?: Hint) => void
  readonly errorCount: () => number
  /** Everything reported, in the order of the text. */
  readonly diagnostics: () => ReadonlyArray<Diagnostic>
}

/** Most diagnostics of one severity that one file is worth. */
const maxPerSeverity = 500

/** An empty report about one file. */
export const makeReport = (file: string): Report => {
  const entries: Array<{ readonly offset: number; readonly diagnostic: Diagnostic }> = []
  const counts = { error: 0, warning: 0 }
  const add = (severity: Diagnostic["severity"]) => (span: Span, message: string, hint?: Hint) => {
    counts[severity]++
    if (counts[severity] < maxPerSeverity) {
      const text = typeof hint === "function" ? hint() : hint
      entries.push({ offset: span.offset, diagnostic: diagnosticAt(severity, file, span, message, text) })
    } else if (counts[severity] === maxPerSeverity) {
      const text = `more than ${maxPerSeverity} ${severity}s; the further ones are left out`
      entries.push({ offset: Number.POSITIVE_INFINITY, diagnostic: diagnosticAt(severity, file, span, text) })
    }
  }
  return {
    error: add("error"),
    warning: add("warning"),
    errorCount: () => counts.error,
    diagnostics: () =>
      entries
        .sort((a, b) => (a.offset === b.offset ? 0 : a.offset < b.offset ? -1 : 1))
        .map((entry) => entry.diagnostic)
  }
}

const isControl = /[\p{Cc}\u2028\u2029]/gu
const longestQuote = 60

const shorten = (text: string): string => (text.length > longestQuote ? `${text.slice(0, longestQuote)}…` : text)

/** A value of a file as it may stand in a message: quoted, short, nothing that a terminal obeys. */
export const quote = (text: string): string => JSON.stringify(shorten(text)).replace(isControl, "\uFFFD")

/** A key or a piece of the text as it may stand in a message, in single quotes. */
export const quoteKey = (text: string): string => `'${shorten(text).replace(isControl, "\uFFFD")}'`

const widest = 160

const render = (diagnostic: Diagnostic, whole: string): string => {
  const head = `${diagnostic.file}:${diagnostic.line}:${diagnostic.column}: ${diagnostic.severity}: ${diagnostic.message}`
  const at = diagnostic.column - 1
  const from = whole.length > widest ? Math.max(0, at - widest / 2) : 0
  const shown = whole.slice(from, from + widest)
  const before = shown.slice(0, at - from).replace(/[^\t]/gu, " ")
  const marked = Array.from(shown.slice(at - from, at - from + diagnostic.length)).length
  const lines = [head, shown.replace(/[^\P{Cc}\t]/gu, "\uFFFD"), before + "^".repeat(Math.max(1, marked))]
  return (diagnostic.hint === undefined ? lines : [...lines, `hint: ${diagnostic.hint}`]).join("\n")
}

/**
 * Renders what is said about a text: `file:line:column: severity: message`, the source line with carets under the
 * place, and the hint. The text is cut into lines once.
 */
export const rendererOf = (text: string): ((diagnostic: Diagnostic) => string) => {
  let lines: ReadonlyArray<string> | undefined
  return (diagnostic) => {
    lines ??= text.replace(/^\uFEFF/, "").split("\n")
    return render(diagnostic, (lines[diagnostic.line - 1] ?? "").replace(/\r$/, ""))
  }
}

/** One diagnostic rendered; see {@link rendererOf}. */
export const renderDiagnostic = (diagnostic: Diagnostic, text: string): string => rendererOf(text)(diagnostic)
