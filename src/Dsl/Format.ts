import * as Either from "effect/Either"
import { type Diagnostic, makeReport } from "./Diagnostic.ts"
import type { Token } from "./Lexer.ts"
import { parse, startParse } from "./Parser.ts"
import { makeSource } from "./Source.ts"

const unit = "  "

/** Which tokens stand inside a construct that is skipped, behind its first token. */
const insideSkipped = (count: number, skipped: ReadonlyArray<readonly [number, number]>): Uint8Array => {
  const inside = new Uint8Array(count)
  for (const [first, last] of skipped) inside.fill(1, first + 1, last + 1)
  return inside
}

/** The blank or comment lines of a gap, single blanks between them and none beside a brace or the ends of the file. */
const tidyLines = (lines: ReadonlyArray<string>, edges: { readonly top: boolean; readonly bottom: boolean }) => {
  const kept = lines.filter((line, index) => line !== "" || (index > 0 ? lines[index - 1] !== "" : !edges.top))
  return edges.bottom && kept.at(-1) === "" ? kept.slice(0, -1) : kept
}

/** A gap inside a skipped construct: its lines move with the line that the construct begins on. */
const movedGap = (gap: string, from: string, to: string): string => {
  const [first = "", ...rest] = gap.split("\n")
  const moved = rest.map((line, index) => {
    const isBlank = line.trim() === "" && index < rest.length - 1
    return !isBlank && line.startsWith(from) ? to + line.slice(from.length) : line
  })
  return [first, ...moved].join("\n")
}

/**
 * The text in its canonical layout: two spaces a level, `key: value`, one blank line at most, two spaces before a
 * comment at the end of a line. Only what stands between tokens is written anew, and a line is never joined or split:
 * so every token, every comment and what the text means are kept by construction. Skipped constructs keep their inner
 * layout and move as a whole. Left are the syntax errors of a text that cannot be read.
 */
export const formatFile = (text: string, file: string): Either.Either<string, ReadonlyArray<Diagnostic>> => {
  const report = makeReport(file)
  const cursor = startParse(makeSource(file, text), report)
  Array.from(parse(cursor))
  if (report.errorCount() > 0) return Either.left(report.diagnostics().filter(({ severity }) => severity === "error"))

  const { skipped } = cursor
  const tokens = Array.from({ length: cursor.tokens.length }, (_, index) => cursor.tokens.at(index) ?? []).flat()
  const inside = insideSkipped(tokens.length, skipped)
  const bom = text.startsWith("\uFEFF") ? "\uFEFF" : ""
  const gapBefore = (index: number) =>
    text.slice(index === 0 ? bom.length : tokens[index - 1]?.end, tokens[index]?.start ?? text.length)
  const is = (token: Token | undefined, sign: string) =>
    token !== undefined && token.end === token.start + 1 && text[token.start] === sign

  const firstBreak = () => {
    for (let index = 0; index <= tokens.length; index++) {
      const gap = inside[index] === 1 ? "" : gapBefore(index)
      const at = gap.indexOf("\n")
      if (at !== -1) return gap[at - 1] === "\r" ? "\r\n" : "\n"
    }
    return "\n"
  }
  const eol = firstBreak()

  const groups: Array<{ readonly level: number; readonly round: boolean }> = []
  const out: Array<string> = [bom]
  /** The line being written: its level, and its indentation before and now. */
  const line = { level: 0, from: "", to: "" }

  const spaceBetween = (before: Token, next: Token, gap: string): string => {
    const loose = before.kind === "other" || next.kind === "other" || groups.at(-1)?.round === true || is(next, "(")
    if (loose) return gap
    if (next.kind === "comma" || is(next, ":")) return ""
    if (is(before, "{") || is(next, "}")) return is(before, "{") && is(next, "}") ? "" : " "
    return before.kind === "open" || next.kind === "close" ? "" : " "
  }

  const startLine = (before: Token | undefined, next: Token | undefined, gap: string): void => {
    const outer = groups.at(-1)
    const within = outer === undefined ? 0 : outer.level + 1
    const continues = before?.kind === "separator" && next?.kind !== "open"
    line.level = next?.kind === "close" ? (outer?.level ?? 0) : within + (continues ? 1 : 0)
    line.from = /[^\n]*$/.exec(gap)?.[0] ?? ""
    line.to = unit.repeat(line.level)
    const [first = "", ...rest] = gap.split("\n").map((piece) => piece.trim())
    // The last piece is the indentation of the next token, or the last line of a file that ends without a line break.
    const last = next === undefined && rest.length > 0 ? rest : rest.slice(0, -1)
    const ends = before !== undefined && groups.length === 0 && is(before, "}") && next !== undefined
    const lines = tidyLines(before === undefined ? [first, ...last] : ends ? ["", ...last] : last, {
      top: before === undefined || before.kind === "open",
      bottom: next === undefined || next.kind === "close"
    })
    if (before !== undefined && first !== "") out.push(unit, first)
    for (const comment of lines) {
      if (before !== undefined || out.length > 1) out.push(eol)
      if (comment !== "") out.push(unit.repeat(within), comment)
    }
    if (before !== undefined || out.length > 1) out.push(eol)
    out.push(line.to)
  }

  tokens.forEach((token, index) => {
    const before = tokens[index - 1]
    const gap = gapBefore(index)
    if (inside[index] === 1) out.push(movedGap(gap, line.from, line.to))
    else if (before === undefined || gap.includes("\n")) startLine(before, token, gap)
    else out.push(spaceBetween(before, token, gap))
    if (inside[index] !== 1 && token.kind === "close") groups.pop()
    out.push(text.slice(token.start, token.end))
    if (inside[index] !== 1 && token.kind === "open") groups.push({ level: line.level, round: is(token, "(") })
  })
  startLine(tokens.at(-1), undefined, gapBefore(tokens.length))
  return Either.right(out.join(""))
}
