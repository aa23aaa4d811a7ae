import * as Option from "effect/Option"
import { formatDuration, parseDuration } from "../Domain/Duration.ts"
import {
  afterGroup,
  type Cursor,
  describeAt,
  kindAt,
  opens,
  skipLine,
  spanOf,
  startsBlock,
  startsLine,
  textAt
} from "./Cursor.ts"
import { quoteKey } from "./Diagnostic.ts"
import { hintAt } from "./Hints.ts"
import { readString } from "./Strings.ts"
import type { Body, Entry, Value } from "./Syntax.ts"

/** Deepest nesting of lists and blocks that is read. */
const maxDepth = 32

const wordyUnits: Readonly<Record<string, number>> = {
  millisecond: 1,
  second: 1_000,
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
  week: 604_800_000
}

const readDuration = (text: string): string | undefined => {
  if (Option.isSome(parseDuration(text))) return text
  const [, amount = "", unit = ""] = /^(\d+)\.([a-z]+?)s?$/.exec(text) ?? []
  const millis = Number(amount) * (wordyUnits[unit] ?? Number.NaN)
  return Number.isSafeInteger(millis) && millis > 0 ? formatDuration(millis) : undefined
}

const readNumber = (cursor: Cursor, index: number): Value => {
  const text = textAt(cursor, index)
  const span = spanOf(cursor, index)
  if (/^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(text)) {
    const value = Number(text)
    if (Number.isFinite(value)) return { kind: "number", value, span }
  }
  const duration = readDuration(text)
  if (duration !== undefined) return { kind: "duration", text: duration, span }
  cursor.report.error(span, `${quoteKey(text)} is neither a number nor a duration such as 90s, 5m or 1h30m`)
  return { kind: "broken", span }
}

const isKeyAt = (cursor: Cursor, index: number, limit: number): boolean => {
  const kind = kindAt(cursor, index, limit)
  if (kind !== "name" && kind !== "string") return false
  return kindAt(cursor, index + 1, limit) === "separator" || (kind === "name" && opens(cursor, index + 1, limit, "{"))
}

const parseList = (cursor: Cursor, limit: number, depth: number): Value => {
  const opener = cursor.at
  const close = cursor.match[opener] ?? -1
  const end = close === -1 ? limit : close
  const items: Array<Value> = []
  let complete = close !== -1
  cursor.at++
  while (cursor.at < end) {
    const kind = kindAt(cursor, cursor.at, end)
    if (close === -1 && (kind === "close" || isKeyAt(cursor, cursor.at, end))) break
    if (kind === "comma" || kind === "close") {
      cursor.at++
    } else if (kind === "separator" || kind === "other") {
      const hint = hintAt(cursor, cursor.at)
      cursor.report.error(spanOf(cursor, cursor.at), `unexpected ${describeAt(cursor, cursor.at, end)} in a list`, hint)
      complete = false
      if (close !== -1) break
      cursor.at++
      while (cursor.at < end && !startsLine(cursor, cursor.at)) cursor.at = afterGroup(cursor, cursor.at)
    } else {
      const item = parseValue(cursor, end, depth)
      items.push(item)
      complete &&= isSound(item)
    }
  }
  if (close !== -1) cursor.at = close + 1
  return { kind: "list", items, complete, span: spanOf(cursor, opener, cursor.at - 1) }
}

const parseMap = (cursor: Cursor, limit: number, depth: number): Value => {
  const opener = cursor.at
  const body = parseBody(cursor, limit, depth)
  return { kind: "map", body, span: spanOf(cursor, opener, cursor.at - 1) }
}

/** Reads one value; the cursor is at its first token and ends after its last. */
export const parseValue = (cursor: Cursor, limit: number, depth: number): Value => {
  const index = cursor.at
  const span = spanOf(cursor, index)
  const kind = kindAt(cursor, index, limit)
  if (kind === "open" && textAt(cursor, index) !== "(") {
    if (depth < maxDepth) {
      return textAt(cursor, index) === "[" ? parseList(cursor, limit, depth + 1) : parseMap(cursor, limit, depth + 1)
    }
    cursor.report.error(span, `nested more than ${maxDepth} deep`)
    cursor.at = afterGroup(cursor, index)
    return { kind: "broken", span }
  }
  cursor.at = afterGroup(cursor, index)
  switch (kind) {
    case "string":
    case "triple": {
      const text = readString(cursor, index)
      return text === undefined ? { kind: "broken", span } : { kind: "string", text, span }
    }
    case "unclosed":
      return { kind: "broken", span }
    case "number":
      return readNumber(cursor, index)
    case "name": {
      const text = textAt(cursor, index)
      return text === "true" || text === "false"
        ? { kind: "boolean", value: text === "true", span }
        : { kind: "word", text, span }
    }
    default: {
      const found = describeAt(cursor, index, limit)
      cursor.report.error(span, `expected a value, found ${found}`, hintAt(cursor, index))
      return { kind: "broken", span }
    }
  }
}

const hasValue = (cursor: Cursor, limit: number, separated: boolean): boolean => {
  const kind = kindAt(cursor, cursor.at, limit)
  if (kind === "end" || kind === "close" || kind === "comma") return false
  if (!startsLine(cursor, cursor.at) || opens(cursor, cursor.at, limit, "{")) return true
  return separated && !isKeyAt(cursor, cursor.at, limit)
}

/** Reads `key: value`, `key = value`, `key value` or `key { … }`; undefined after a reported error without a key. */
export const parseEntry = (cursor: Cursor, limit: number, depth: number): Entry | undefined => {
  const keyIndex = cursor.at
  const keySpan = spanOf(cursor, keyIndex)
  const kind = kindAt(cursor, keyIndex, limit)
  const key = kind === "name" ? textAt(cursor, keyIndex) : kind === "string" ? readString(cursor, keyIndex) : undefined
  if (key === undefined) {
    if (kind !== "string" && kind !== "unclosed") {
      const hint = hintAt(cursor, keyIndex)
      cursor.report.error(keySpan, `expected a key, found ${describeAt(cursor, keyIndex, limit)}`, hint)
    }
    skipLine(cursor, limit)
    return undefined
  }
  cursor.at++
  const separated = kindAt(cursor, cursor.at, limit) === "separator"
  if (separated) cursor.at++
  if (!hasValue(cursor, limit, separated)) {
    cursor.report.error(keySpan, `${quoteKey(key)} has no value`, `write ${key}: "…"`)
    return { key, keySpan, value: { kind: "broken", span: keySpan } }
  }
  const value = parseValue(cursor, limit, depth)
  const next = kindAt(cursor, cursor.at, limit)
  const stray = next === "separator" || next === "other" || next === "open" || next === "number" || next === "triple"
  if (value.kind === "broken") {
    while (cursor.at < limit && !startsLine(cursor, cursor.at) && kindAt(cursor, cursor.at, limit) !== "comma") {
      cursor.at = afterGroup(cursor, cursor.at)
    }
  } else if (stray && !startsLine(cursor, cursor.at)) {
    const found = describeAt(cursor, cursor.at, limit)
    const wordHint = value.kind === "word" ? 'text that is more than one word stands in double quotes: "…"' : undefined
    const hint = next === "open" ? `write ${key}: "…" or ${key} { … }` : (hintAt(cursor, cursor.at) ?? wordHint)
    cursor.report.error(spanOf(cursor, cursor.at), `unexpected ${found} after the value of ${quoteKey(key)}`, hint)
    skipLine(cursor, limit)
    return { key, keySpan, value: { kind: "broken", span: value.span } }
  }
  return { key, keySpan, value }
}

/** Whether nothing in a value is broken. */
export const isSound = (value: Value): boolean => {
  switch (value.kind) {
    case "broken":
      return false
    case "list":
      return value.complete
    case "map":
      return value.body.complete
    default:
      return true
  }
}

/** Reads a `{ … }` of entries; where its brace is missing it ends before the next `schedule` or `agent` block. */
export const parseBody = (cursor: Cursor, limit: number, depth: number): Body => {
  const close = cursor.match[cursor.at] ?? -1
  const end = close === -1 ? limit : close
  const errors = cursor.report.errorCount()
  const entries: Array<Entry> = []
  let complete = close !== -1
  cursor.at++
  while (cursor.at < end) {
    const kind = kindAt(cursor, cursor.at, end)
    if (close === -1 && startsLine(cursor, cursor.at) && startsBlock(cursor, cursor.at, end)) break
    if (kind === "comma" || kind === "close") {
      cursor.at++
    } else {
      const entry = parseEntry(cursor, end, depth)
      if (entry !== undefined) entries.push(entry)
      complete &&= entry !== undefined && isSound(entry.value)
    }
  }
  if (close !== -1) cursor.at = close + 1
  return { entries, complete: complete && cursor.report.errorCount() === errors }
}
