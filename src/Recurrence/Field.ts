import * as Either from "effect/Either"
import { stableHash } from "../Domain/StableHash.ts"

/** One place of a cron expression: its name in messages, what it holds, and how far `H` may reach. */
export interface FieldSpec {
  readonly name: string
  readonly min: number
  readonly max: number
  readonly hashMax: number
  readonly names: ReadonlyArray<string>
  readonly kind: "plain" | "day-of-month" | "day-of-week"
}

/** A day that only a given month can place. Weekdays are 0 for Sunday to 6. */
export type DayRule =
  | { readonly kind: "last" }
  | { readonly kind: "last-workday" }
  | { readonly kind: "nearest-workday"; readonly day: number }
  | { readonly kind: "nth-weekday"; readonly weekday: number; readonly nth: number }
  | { readonly kind: "last-weekday"; readonly weekday: number }

/** A field as read: its values in order, its day rules, and its text with `H` replaced by what it stands for. */
export interface Field {
  readonly values: ReadonlyArray<number>
  readonly rules: ReadonlyArray<DayRule>
  readonly wildcard: boolean
  readonly text: string
  /** The text as it was given, in capitals. */
  readonly written: string
}

interface Item {
  readonly values: ReadonlyArray<number>
  readonly rule?: DayRule
  readonly text: string
}

const shown = (text: string): string => JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}...` : text)

const highest = (spec: FieldSpec): number => (spec.kind === "day-of-week" ? 7 : spec.max)

const allowed = (spec: FieldSpec): string =>
  `${spec.min}-${highest(spec)}${spec.names.length === 0 ? "" : ` or ${spec.names[0]}-${spec.names.at(-1)}`}`

const readValue = (spec: FieldSpec, text: string): Either.Either<number, string> => {
  const named = spec.names.indexOf(text.toUpperCase())
  if (named >= 0) return Either.right(spec.min + named)
  if (!/^-?\d{1,9}$/.test(text))
    return Either.left(`${spec.name}: ${shown(text)} is not a value; allowed: ${allowed(spec)}`)
  const value = Number(text)
  return value >= spec.min && value <= highest(spec)
    ? Either.right(value)
    : Either.left(`${spec.name}: ${value} is out of range ${spec.min}-${highest(spec)}`)
}

const readStep = (spec: FieldSpec, text: string | undefined): Either.Either<number, string> => {
  if (text === undefined) return Either.right(1)
  const size = spec.max - spec.min + 1
  const step = /^\d{1,9}$/.test(text) ? Number(text) : 0
  return step >= 1 && step <= size
    ? Either.right(step)
    : Either.left(`${spec.name}: step ${shown(text)} is out of range 1-${size}`)
}

const sequence = (spec: FieldSpec, from: number, to: number, step: number): ReadonlyArray<number> => {
  const values: Array<number> = []
  const size = spec.max - spec.min + 1
  const length = to >= from ? to - from : to - from + size
  for (let i = 0; i <= length; i += step) values.push(spec.min + ((from - spec.min + i) % size))
  return values
}

const readHash = (
  spec: FieldSpec,
  range: { readonly from: string | undefined; readonly to: string | undefined },
  stepText: string | undefined,
  name: string
): Either.Either<Item, string> =>
  Either.gen(function* () {
    const from = range.from === undefined ? spec.min : yield* readValue(spec, range.from)
    const to = Math.min(range.to === undefined ? spec.hashMax : yield* readValue(spec, range.to), spec.max)
    if (from > to) return yield* Either.left(`${spec.name}: H(${from}-${to}) is empty; put the smaller value first`)
    const step = yield* readStep(spec, stepText)
    const hash = stableHash(`${name}:${spec.name}`)
    if (stepText === undefined) {
      const value = from + (hash % (to - from + 1))
      return { values: [value], text: String(value) }
    }
    const first = from + (hash % Math.min(step, to - from + 1))
    return { values: sequence(spec, first, to, step), text: `${first}-${to}/${step}` }
  })

const readDayRule = (spec: FieldSpec, body: string): Either.Either<DayRule, string> | undefined => {
  if (spec.kind === "day-of-month") {
    if (body === "L") return Either.right({ kind: "last" })
    if (body === "LW" || body === "WL") return Either.right({ kind: "last-workday" })
    const nearest = /^(\d+)W$/.exec(body)
    if (nearest !== null) {
      return Either.map(readValue(spec, nearest[1] ?? ""), (day) => ({ kind: "nearest-workday", day }))
    }
  }
  if (spec.kind === "day-of-week") {
    if (body === "L") return Either.left(`${spec.name}: L needs a weekday before it, such as 5L for the last Friday`)
    const nth = /^([^#]*)#([^#]*)$/.exec(body)
    if (nth !== null) {
      const count = /^[1-5]$/.test(nth[2] ?? "") ? Number(nth[2]) : 0
      if (count === 0) return Either.left(`${spec.name}: #${nth[2]} is out of range 1-5`)
      return Either.map(readValue(spec, nth[1] ?? ""), (value) => ({
        kind: "nth-weekday",
        weekday: value % 7,
        nth: count
      }))
    }
    const last = /^(\w+)L$/.exec(body)
    if (last !== null) {
      return Either.map(readValue(spec, last[1] ?? ""), (value) => ({ kind: "last-weekday", weekday: value % 7 }))
    }
  }
  return undefined
}

const readItem = (spec: FieldSpec, text: string, name: string): Either.Either<Item, string> =>
  Either.gen(function* () {
    const [body = "", stepText, ...rest] = text.toUpperCase().split("/")
    if (rest.length > 0) return yield* Either.left(`${spec.name}: ${shown(text)} has more than one step`)
    if (body === "") return yield* Either.left(`${spec.name}: a value is missing; allowed: ${allowed(spec)}`)
    const rule = readDayRule(spec, body)
    if (rule !== undefined) {
      if (stepText !== undefined) return yield* Either.left(`${spec.name}: ${shown(text)} cannot have a step`)
      return { values: [], rule: yield* rule, text }
    }
    const hash = /^H(?:\((\w+)-(\w+)\))?$/.exec(body)
    if (hash !== null) return yield* readHash(spec, { from: hash[1], to: hash[2] }, stepText, name)
    const step = yield* readStep(spec, stepText)
    if (body === "*") return { values: sequence(spec, spec.min, spec.max, step), text }
    if (body === "?") {
      if (spec.kind === "plain" || stepText !== undefined) {
        return yield* Either.left(`${spec.name}: "?" stands alone, for day-of-month or day-of-week; use * here`)
      }
      return { values: sequence(spec, spec.min, spec.max, 1), text }
    }
    const range = /^([^-]+)-([^-]+)$/.exec(body)
    if (range === null) {
      const value = yield* readValue(spec, body)
      const to = stepText === undefined ? value : Math.max(value, spec.max)
      return { values: sequence(spec, value, to, step), text }
    }
    const from = yield* readValue(spec, range[1] ?? "")
    const to = yield* readValue(spec, range[2] ?? "")
    return { values: sequence(spec, from, to, step), text }
  })

const read = (spec: FieldSpec, text: string, name: string): Either.Either<Field, string> =>
  Either.map(Either.all(text.split(",").map((item) => readItem(spec, item, name))), (items) => ({
    values: [...new Set(items.flatMap((item) => item.values))].sort((a, b) => a - b),
    rules: items.flatMap((item) => (item.rule === undefined ? [] : [item.rule])),
    wildcard: /^[*?]/.test(text),
    text: items.map((item) => item.text).join(","),
    written: text.toUpperCase()
  }))

/** Fields that were read are kept, up to so many: a hundred thousand jobs share a few hundred, and what is made of them. */
const mostKept = 1_000
const kept = new Map<string, Either.Either<Field, string>>()

/** Reads one field for the job `name`; the message on the left names the field, the value and what is allowed. */
export const readField = (spec: FieldSpec, text: string, name: string): Either.Either<Field, string> => {
  // Only `H` asks for the name.
  if (/(^|,)H/i.test(text)) return read(spec, text, name)
  const key = `${spec.name} ${text}`
  const known = kept.get(key)
  if (known !== undefined) return known
  const field = read(spec, text, name)
  if (kept.size >= mostKept) kept.clear()
  kept.set(key, field)
  return field
}
