import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import { parseDuration } from "../Domain/Duration.ts"
import { didYouMean } from "../Suggestion.ts"
import { quote, quoteKey, type Report } from "./Diagnostic.ts"
import { writtenPath } from "./Keys.ts"
import type { Places } from "./Places.ts"
import { describeShape, type Shape } from "./Shape.ts"
import type { Span } from "./Source.ts"
import type { Body, Entry, Value } from "./Syntax.ts"

/** What reading a block needs: where to report, and where each path was found. */
export interface Reading {
  readonly report: Report
  readonly places: Places
  /** Paths whose value could not be read: nothing more is to be said about them. */
  readonly failed: Set<string>
  /** Candidates for a hint, by path of the value. */
  readonly examples: Map<string, { readonly text: string; readonly candidates: ReadonlyArray<string> }>
}

/** A field under its written key: its name in the definition and its shape. */
export interface Field {
  readonly target: string
  readonly shape: Shape
}

const describeValue = (value: Value): string => {
  switch (value.kind) {
    case "string":
      return `the string ${quote(value.text)}`
    case "word":
      return `the word ${value.text.slice(0, 60)}`
    case "number":
    case "boolean":
      return `${value.value}`
    case "duration":
      return `the duration ${value.text}`
    case "list":
      return "a list"
    default:
      return "a block"
  }
}

const typeHint = (shape: Shape, value: Value): string | undefined => {
  if (shape.kind === "string") {
    return value.kind === "number" || value.kind === "boolean" ? `write "${value.value}"` : undefined
  }
  if (value.kind !== "string" && value.kind !== "word") return undefined
  if ((shape.kind === "duration" || shape.kind === "seconds") && /^\d+$/.test(value.text) && Number(value.text) > 0) {
    return `write ${value.text} without quotes, or "${value.text}s"`
  }
  if (shape.kind === "list")
    return `write [${value.text
      .split(/[\s,]+/)
      .map(quote)
      .join(", ")}]`
  const bare =
    (shape.kind === "number" && /^-?\d+(\.\d+)?$/.test(value.text)) ||
    (shape.kind === "boolean" && /^(true|false)$/.test(value.text))
  return bare ? `write ${value.text} without quotes` : undefined
}

const textOf = (value: Value): string | undefined =>
  value.kind === "string" || value.kind === "word" ? value.text : undefined

/** A bare number is seconds, as in `timeout 60`. */
const durationOf = (value: Value, words: ReadonlyArray<string>): string | undefined => {
  if (value.kind === "number") {
    const text = `${value.value}s`
    return Option.isSome(parseDuration(text)) ? text : undefined
  }
  const text = value.kind === "duration" ? value.text : textOf(value)
  return text !== undefined && (words.includes(text) || Option.isSome(parseDuration(text))) ? text : undefined
}

const secondsOf = (value: Value): number | undefined => {
  if (value.kind === "number") return value.value
  const seconds = parseDuration(durationOf(value, []) ?? "").pipe(Option.getOrElse(() => Number.NaN)) / 1_000
  return Number.isSafeInteger(seconds) ? seconds : undefined
}

const readScalar = (shape: Shape, value: Value, path: string, reading: Reading): unknown => {
  switch (shape.kind) {
    case "string": {
      const text = textOf(value)
      if (text !== undefined && shape.examples.length > 0) {
        reading.examples.set(path, { text, candidates: shape.examples })
      }
      return text
    }
    case "number":
      return value.kind === "number" ? value.value : undefined
    case "boolean":
      return value.kind === "boolean" ? value.value : undefined
    case "duration":
      return durationOf(value, shape.words)
    case "seconds":
      return secondsOf(value)
    case "enum":
      return textOf(value)
    default:
      return undefined
  }
}

const readList = (item: Shape, value: Value & { readonly kind: "list" }, path: string, reading: Reading) => {
  const items = value.items.map((element, index) => {
    const at = `${path}.${index}`
    reading.places.add(at, element.span, element.span)
    return readValue(item, element, at, reading)
  })
  return value.complete && items.every((element) => element !== undefined) ? items : undefined
}

const subjectOf = (path: string): string => {
  const last = path.slice(path.lastIndexOf(".") + 1)
  return /^\d+$/.test(last) ? "this element" : `'${last}'`
}

/** The plain value that the definition's schema takes, in blocks without what failed; undefined if it failed. */
const readValue = (shape: Shape, value: Value, path: string, reading: Reading): unknown => {
  if (value.kind === "broken") return undefined
  if (shape.kind === "list" && value.kind === "list") return readList(shape.item, value, path, reading)
  if (shape.kind === "list" && shape.orOne === true) return readValue(shape.item, value, path, reading)
  if (value.kind === "map" && (shape.kind === "struct" || shape.kind === "record")) {
    const fields = shape.kind === "struct" ? shape.fields : undefined
    return readEntries(value.body.entries, path, reading, {
      known: [...(fields?.keys() ?? [])],
      field: (entry) => {
        const found = shape.kind === "struct" ? shape.fields.get(entry.key) : shape.value
        return found && { target: entry.key, shape: found }
      }
    })
  }
  const scalar = readScalar(shape, value, path, reading)
  if (scalar === undefined) {
    const found = `found ${describeValue(value)}`
    reading.report.error(
      value.span,
      `${subjectOf(path)} must be ${describeShape(shape)}, ${found}`,
      typeHint(shape, value)
    )
    return undefined
  }
  if (shape.kind === "enum" && typeof scalar === "string" && !shape.values.includes(scalar)) {
    const message = `${subjectOf(path)} cannot be ${quote(scalar)}; it is ${describeShape(shape)}`
    reading.report.error(value.span, message, () => didYouMean(scalar, shape.values))
    return undefined
  }
  return scalar
}

/** How the keys of a block are to be read. */
export interface KeyRules {
  readonly known: ReadonlyArray<string>
  readonly field: (entry: Entry) => Field | undefined
  /** A hint of its own for an unknown key. */
  readonly hint?: ((key: string) => string | undefined) | undefined
}

/** Reads the entries of a block into a plain object; those that were wrong are reported and left out. */
export const readEntries = (
  entries: ReadonlyArray<Entry>,
  path: string,
  reading: Reading,
  rules: KeyRules
): Record<string, unknown> => {
  const object: Record<string, unknown> = {}
  for (const entry of entries) {
    const field = rules.field(entry)
    if (field === undefined) {
      const hint = () => rules.hint?.(entry.key) ?? didYouMean(entry.key, rules.known)
      reading.report.warning(entry.keySpan, `unknown key ${quoteKey(entry.key)} is ignored`, hint)
      continue
    }
    const at = path === "" ? field.target : `${path}.${field.target}`
    const first = reading.places.get(at)
    if (first !== undefined) {
      const message = `${quoteKey(entry.key)} is given twice; the first is on line ${first.key.line}`
      reading.report.error(entry.keySpan, message, "keep one of them")
      continue
    }
    reading.places.add(at, entry.keySpan, entry.value.span)
    if (field.target === "__proto__") {
      reading.report.error(entry.keySpan, `${quoteKey(entry.key)} cannot be a key`)
      continue
    }
    const value = readValue(field.shape, entry.value, at, reading)
    if (value === undefined) reading.failed.add(at)
    else object[field.target] = value
  }
  return object
}

/** The place of a path, or of the nearest block around it that was written. */
export const placeOf = (places: Places, path: string, head: Span): Span => {
  const exact = places.get(path)
  if (exact !== undefined) return exact.value
  for (let cut = path.lastIndexOf("."); cut !== -1; cut = path.lastIndexOf(".", cut - 1)) {
    const around = places.get(path.slice(0, cut))
    if (around !== undefined) return around.key
    if (cut === 0) break
  }
  return head
}

const describeIssue = (issue: ParseResult.ArrayFormatterIssue): string => {
  const last = issue.path.at(-1)
  if (issue._tag === "Missing") {
    return typeof last === "number"
      ? `'${issue.path.at(-2)?.toString()}' must not be empty`
      : `'${last?.toString()}' is missing`
  }
  const subject = issue.path.length === 0 ? "" : `'${writtenPath(issue.path.map(String).join("."))}': `
  return subject + issue.message.replace(/^Expected/, "expected").replace(/, actual /, ", found ")
}

/**
 * Decodes a plain object; what the schema finds wrong is reported where it was written. Of an incomplete block it is
 * not said that something is missing.
 */
export const decodeAt = <A, I>(
  schema: Schema.Schema<A, I>,
  object: Record<string, unknown>,
  syntax: { readonly head: Span; readonly body: Body },
  reading: Reading
): A | undefined => {
  const decoded = Schema.decodeUnknownEither(schema, { errors: "all" })(object)
  if (Either.isRight(decoded)) return decoded.right
  const seen = new Set<string>()
  const found: Array<string> = []
  for (const issue of ParseResult.ArrayFormatter.formatErrorSync(decoded.left)) {
    const path = issue.path.map(String).join(".")
    if (seen.has(path) || reading.failed.has(path) || (issue._tag === "Missing" && !syntax.body.complete)) continue
    seen.add(path)
    found.push(path)
    const written = reading.examples.get(path)
    const place = placeOf(reading.places, path, syntax.head)
    reading.report.error(place, describeIssue(issue), () => written && didYouMean(written.text, written.candidates))
  }
  for (const path of found) reading.failed.add(path)
  return undefined
}
