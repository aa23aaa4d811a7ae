import { atOnce, type Steps } from "../Steps.ts"
import { nearest } from "../Suggestion.ts"
import {
  afterGroup,
  type Cursor,
  describeAt,
  isBlockName,
  kindAt,
  opens,
  skipLine,
  spanOf,
  startsBlock,
  startsLine,
  textAt
} from "./Cursor.ts"
import { isAgentKey } from "./Definitions.ts"
import { quoteKey, type Report } from "./Diagnostic.ts"
import { matchGroups } from "./Groups.ts"
import { hintAt } from "./Hints.ts"
import { lex } from "./Lexer.ts"
import type { Source } from "./Source.ts"
import { readString } from "./Strings.ts"
import type { AgentSyntax, Entry, Item, Named, ScheduleSyntax } from "./Syntax.ts"
import { isSound, parseBody, parseEntry } from "./Values.ts"

/**
 * Skips a construct of no concern (`metadata { … }`, `with a = 1 { … }`, `type T = { … }`): up to the end of its
 * braces, or of its line where the next one does not continue it.
 */
const passConstruct = (cursor: Cursor, limit: number): void => {
  const head = cursor.at
  while (cursor.at < limit) {
    const index = cursor.at
    const kind = kindAt(cursor, index, limit)
    if (index > head && startsLine(cursor, index)) {
      if (startsBlock(cursor, index, limit)) return
      const before = kindAt(cursor, index - 1, limit)
      const continues = index === head + 1 || before === "comma" || before === "separator" || before === "other"
      if (!continues && (kind === "name" || kind === "string" || kind === "close")) return
    } else if (index > head + 1 && startsBlock(cursor, index, limit)) {
      const before = kindAt(cursor, index - 1, limit)
      if (before === "string" || before === "triple" || before === "number" || before === "close") return
    }
    cursor.at = afterGroup(cursor, index)
    if (kind !== "open" || textAt(cursor, index) !== "{") continue
    if ((cursor.match[index] ?? -1) !== -1) return
    // Its brace is missing (reported): all up to the next block that can be told is part of it.
    while (cursor.at < limit && !(startsLine(cursor, cursor.at) && startsBlock(cursor, cursor.at, limit))) {
      cursor.at = afterGroup(cursor, cursor.at)
    }
    return
  }
}

const skipConstruct = (cursor: Cursor, limit: number): void => {
  const head = cursor.at
  passConstruct(cursor, limit)
  cursor.skipped.push([head, Math.min(cursor.at, limit) - 1])
}

const warnOfTypo = (cursor: Cursor, limit: number): void => {
  const word = textAt(cursor, cursor.at)
  const meant = nearest(word, ["schedule", "agent"])
  const isBlock = opens(cursor, cursor.at + 1, limit, "{") || opens(cursor, cursor.at + 2, limit, "{")
  if (meant !== undefined && isBlock) {
    cursor.report.warning(
      spanOf(cursor, cursor.at),
      `this ${quoteKey(word)} block is ignored`,
      `did you mean ${meant}?`
    )
  }
}

const parseName = (cursor: Cursor, limit: number): Named | undefined => {
  const index = cursor.at
  if (!isBlockName(cursor, index, limit)) return undefined
  cursor.at++
  const text = kindAt(cursor, index, limit) === "name" ? textAt(cursor, index) : readString(cursor, index)
  return text === undefined ? undefined : { text, span: spanOf(cursor, index) }
}

const parseSchedule = (cursor: Cursor, limit: number): ScheduleSyntax | undefined => {
  const start = cursor.at
  cursor.at++
  const errors = cursor.report.errorCount()
  const name = parseName(cursor, limit)
  const sound = cursor.report.errorCount() === errors
  if (!opens(cursor, cursor.at, limit, "{")) {
    const found = describeAt(cursor, cursor.at, limit)
    const message = `expected ${name === undefined ? "a name or " : ""}'{' after 'schedule', found ${found}`
    cursor.report.error(spanOf(cursor, start), message, "write schedule NAME { … }")
    if (cursor.at < limit && !startsLine(cursor, cursor.at)) skipConstruct(cursor, limit)
    return undefined
  }
  const head = spanOf(cursor, start, cursor.at - 1)
  const body = parseBody(cursor, limit, 0)
  return {
    name,
    head,
    span: spanOf(cursor, start, cursor.at - 1),
    body: { ...body, complete: body.complete && sound }
  }
}

const isAgentEntry = (cursor: Cursor, limit: number): boolean => {
  const kind = kindAt(cursor, cursor.at, limit)
  if (kind !== "name" && kind !== "string") return false
  const next = kindAt(cursor, cursor.at + 1, limit)
  if (next === "separator") return true
  const key = textAt(cursor, cursor.at)
  if (kind !== "name" || startsLine(cursor, cursor.at + 1)) return false
  if (key === "capabilities") return opens(cursor, cursor.at + 1, limit, "[")
  return isAgentKey(key) && next !== "end" && next !== "other" && !opens(cursor, cursor.at + 1, limit, "(")
}

const parseAgentBody = (cursor: Cursor, limit: number, headColumn: number): Pick<AgentSyntax, "body" | "schedules"> => {
  const close = cursor.match[cursor.at] ?? -1
  const end = close === -1 ? limit : close
  const entries: Array<Entry> = []
  const schedules: Array<ScheduleSyntax> = []
  let complete = close !== -1
  cursor.at++
  while (cursor.at < end) {
    const kind = kindAt(cursor, cursor.at, end)
    const isNext = close === -1 && startsLine(cursor, cursor.at) && startsBlock(cursor, cursor.at, end)
    if (isNext && spanOf(cursor, cursor.at).column <= headColumn) break
    if (kind === "name" && textAt(cursor, cursor.at) === "schedule") {
      const schedule = parseSchedule(cursor, end)
      if (schedule !== undefined) schedules.push(schedule)
    } else if (isAgentEntry(cursor, end)) {
      const errors = cursor.report.errorCount()
      const entry = parseEntry(cursor, end, 0)
      if (entry !== undefined) entries.push(entry)
      complete &&= entry !== undefined && isSound(entry.value) && cursor.report.errorCount() === errors
    } else if (kind === "name") {
      skipConstruct(cursor, end)
    } else if (kind === "close" || kind === "comma" || textAt(cursor, cursor.at) === ";") {
      cursor.at++
    } else {
      const found = describeAt(cursor, cursor.at, end)
      const hint = hintAt(cursor, cursor.at)
      cursor.report.error(spanOf(cursor, cursor.at), `expected a key or a block in the agent, found ${found}`, hint)
      complete = false
      skipLine(cursor, end)
    }
  }
  if (close !== -1) cursor.at = close + 1
  return { body: { entries, complete }, schedules }
}

const parseAgent = (cursor: Cursor, limit: number): AgentSyntax | undefined => {
  const start = cursor.at
  cursor.at++
  const name = parseName(cursor, limit)
  let open = cursor.at
  // Parameters and a result type may stand before the brace; they say nothing about scheduling.
  while (open < limit && !opens(cursor, open, limit, "{")) {
    if (kindAt(cursor, open, limit) === "name") {
      const word = textAt(cursor, open)
      if (startsLine(cursor, open) || word === "agent" || word === "schedule") break
    }
    open = afterGroup(cursor, open)
  }
  if (name === undefined || !opens(cursor, open, limit, "{")) {
    const message = name === undefined ? "expected a name after 'agent'" : "this agent has no '{ … }'"
    cursor.report.error(spanOf(cursor, start), message, "write agent NAME { … }")
    if (cursor.at < limit && !startsLine(cursor, cursor.at)) skipConstruct(cursor, limit)
    return undefined
  }
  const head = spanOf(cursor, start, cursor.at - 1)
  cursor.at = open
  const parts = parseAgentBody(cursor, limit, head.column)
  return { name, head, span: spanOf(cursor, start, cursor.at - 1), ...parts }
}

const parseItem = (cursor: Cursor, limit: number): Item | undefined => {
  const kind = kindAt(cursor, cursor.at, limit)
  const text = textAt(cursor, cursor.at)
  if (kind === "name" && text === "schedule") {
    const schedule = parseSchedule(cursor, limit)
    return schedule && { kind: "schedule", schedule }
  }
  if (kind === "name" && text === "agent") {
    const agent = parseAgent(cursor, limit)
    return agent && { kind: "agent", agent }
  }
  if (kind === "name") {
    warnOfTypo(cursor, limit)
    skipConstruct(cursor, limit)
  } else if (kind === "close" || kind === "comma" || text === ";") {
    cursor.at++
  } else {
    if (kind !== "unclosed") {
      cursor.report.error(
        spanOf(cursor, cursor.at),
        `expected a schedule or agent block, found ${describeAt(cursor, cursor.at, limit)}`,
        hintAt(cursor, cursor.at)
      )
    }
    skipLine(cursor, limit)
  }
  return undefined
}

/** {@link startParse}, a few tokens in each step. */
export function* startingParse(source: Source, report: Report): Steps<Cursor> {
  const tokens = yield* lex(source, report)
  const match = matchGroups(source, tokens, report)
  return { source, tokens, match, report, at: 0, steps: tokens.length, skipped: [] }
}

/** Cuts a text into tokens and stands at the first. */
export const startParse = (source: Source, report: Report): Cursor => atOnce(startingParse(source, report))

/**
 * Reads the blocks of a text, one after the other as they are asked for; whatever is wrong is reported, and reading
 * goes on behind it. Written by hand: a recursive descent of this size says best what was expected and goes on after
 * an error where people see the next block begin, which a generated parser must be taught rule by rule.
 */
export function* parse(cursor: Cursor): Generator<Item> {
  const limit = cursor.tokens.length
  while (cursor.at < limit) {
    const item = parseItem(cursor, limit)
    if (item !== undefined) yield item
  }
}
