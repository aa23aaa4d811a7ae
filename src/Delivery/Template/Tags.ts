import * as Either from "effect/Either"
import { didYouMean } from "../../Suggestion.ts"
import { closing, type Filter, filters, ofInstants } from "./Filters.ts"
import { type Name, names } from "./Names.ts"
import type { Place, Test } from "./Syntax.ts"

/** What stands between `{{` and `}}`. */
export type Tag = Place | { readonly kind: "if"; readonly test: Test } | { readonly kind: "else" | "end" }

/** What is wrong, at an offset into the template. */
export interface Wrong {
  readonly message: string
  readonly offset: number
}

interface Token {
  readonly kind: "text" | "word" | "count" | "sign"
  readonly raw: string
  readonly offset: number
}

const wrong = (offset: number, message: string): Either.Either<never, Wrong> => Either.left({ offset, message })

const token = /\s*(?:("(?:[^"\\\n]|\\.)*")|([#/]if\b|[A-Za-z_][\w.]*)|(\d+)|(}}|==|!=|\||:))/y

const maxCount = 1_000_000
const maxFilters = 8

const quoted = (text: string): string => JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text)

const unread = (template: string, open: number, at: number): Either.Either<never, Wrong> => {
  const rest = template.slice(at).search(/\S/)
  if (rest === -1) return wrong(open, "this {{ has no }}")
  const offset = at + rest
  const character = String.fromCodePoint(template.codePointAt(offset) ?? 0)
  if (character === '"') return wrong(offset, "this text has no closing quote on its line")
  return wrong(offset, `${quoted(character)} cannot stand here; for a literal {{ write {{"{{"}}`)
}

/** The tokens after `{{`, without the `}}`, and where the template goes on. */
const tokensAt = (template: string, open: number): Either.Either<readonly [ReadonlyArray<Token>, number], Wrong> => {
  const tokens: Array<Token> = []
  token.lastIndex = open + 2
  while (true) {
    const at = token.lastIndex
    const match = token.exec(template)
    if (match === null) return unread(template, open, at)
    const [whole, text, word, count, sign] = match
    if (sign === "}}") return Either.right([tokens, token.lastIndex])
    const raw = text ?? word ?? count ?? sign ?? ""
    const kind = text !== undefined ? "text" : word !== undefined ? "word" : count !== undefined ? "count" : "sign"
    tokens.push({ kind, raw, offset: at + whole.length - raw.length })
  }
}

const textOf = ({ offset, raw }: Token): Either.Either<string, Wrong> =>
  Either.mapLeft(
    Either.try((): string => JSON.parse(raw)),
    () => ({ offset, message: `${quoted(raw)} has an unknown escape; known are \\" \\\\ \\n \\t and \\uXXXX` })
  )

const nameOf = ({ offset, raw }: Token): Either.Either<Name, Wrong> => {
  const name = names.get(raw)
  if (name !== undefined) return Either.right(name)
  const known = [...names.keys()]
  return wrong(offset, `there is no ${quoted(raw)}; ${didYouMean(raw, known) ?? `the names are ${known.join(", ")}`}`)
}

const testOf = ([subject, sign, word, extra]: ReadonlyArray<Token>, end: number): Either.Either<Test, Wrong> =>
  Either.gen(function* () {
    if (subject?.kind !== "word") return yield* wrong(subject?.offset ?? end, "#if needs a name, such as run.error")
    const name = yield* nameOf(subject)
    if (sign === undefined) return { name, word: null, negated: false }
    if (sign.raw !== "==" && sign.raw !== "!=")
      return yield* wrong(sign.offset, "a name in #if is followed by ==, != or }}")
    if (word?.kind !== "text") return yield* wrong(word?.offset ?? end, `${sign.raw} needs a text in double quotes`)
    if (extra !== undefined) return yield* wrong(extra.offset, "#if compares one name with one text")
    const text = yield* textOf(word)
    if (name.words !== undefined && !name.words.includes(text)) {
      const hint = didYouMean(text, name.words) ?? `it is one of ${name.words.join(", ")}`
      return yield* wrong(word.offset, `${subject.raw} is never ${quoted(text)}; ${hint}`)
    }
    return { name, word: text, negated: sign.raw === "!=" }
  })

const filterOf = (name: Token, colon: Token | undefined, argument: Token | undefined) =>
  Either.gen(function* () {
    const rule = filters.get(name.raw)
    if (rule === undefined || name.kind !== "word") {
      const known = [...filters.keys()]
      const hint = didYouMean(name.raw, known) ?? `the filters are ${known.join(", ")}`
      return yield* wrong(name.offset, `there is no filter ${quoted(name.raw)}; ${hint}`)
    }
    if (rule.argument === "none") {
      return colon === undefined ? rule.make() : yield* wrong(colon.offset, `${name.raw} takes nothing after it`)
    }
    const place = argument?.offset ?? colon?.offset ?? name.offset
    if (rule.argument === "text") {
      if (argument?.kind === "text") return rule.make(yield* textOf(argument))
      return yield* wrong(place, `${name.raw} needs a text, such as ${name.raw}:"none"`)
    }
    const count = argument?.kind === "count" ? Number(argument.raw) : 0
    if (count >= 1 && count <= maxCount) return rule.make(count)
    return yield* wrong(place, `${name.raw} needs a length from 1 to ${maxCount}, such as ${name.raw}:200`)
  })

const placeOf = (tokens: ReadonlyArray<Token>, end: number): Either.Either<Place, Wrong> =>
  Either.gen(function* () {
    const [first, ...rest] = tokens
    if (first === undefined) return yield* wrong(end, `a name is missing here; for a literal {{ write {{"{{"}}`)
    if (first.kind !== "word" && first.kind !== "text")
      return yield* wrong(first.offset, "a name or a text comes first")
    const value = first.kind === "text" ? yield* textOf(first) : yield* nameOf(first)
    const found: Array<Filter> = []
    let last: string | undefined
    for (let at = 0; at < rest.length; ) {
      const [bar, name, colon, argument] = rest.slice(at, at + 4)
      if (bar === undefined || bar.raw !== "|") {
        return yield* wrong(bar?.offset ?? end, "filters follow after |, everything else ends with }}")
      }
      if (name === undefined) return yield* wrong(end, "| needs a filter after it")
      if (found.length >= maxFilters) return yield* wrong(name.offset, `more than ${maxFilters} filters in one place`)
      if (last === closing)
        return yield* wrong(name.offset, `${closing} comes last; ${quoted(name.raw)} would break its quotes`)
      if (name.raw === ofInstants && (found.length > 0 || typeof value === "string" || !value.isInstant)) {
        const instants = [...names].flatMap(([known, { isInstant }]) => (isInstant ? [known] : []))
        return yield* wrong(name.offset, `${ofInstants} comes first, after one of ${instants.join(", ")}`)
      }
      const hasArgument = colon?.raw === ":"
      found.push(yield* filterOf(name, hasArgument ? colon : undefined, hasArgument ? argument : undefined))
      last = name.raw
      at += hasArgument ? 4 : 2
    }
    return { kind: "place", value, filters: found, written: first.raw, isJson: last === closing }
  })

const bare: ReadonlyMap<string, "else" | "end"> = new Map([
  ["else", "else"],
  ["/if", "end"]
])

/** Reads the tag at an offset; gives it and where it ends. */
export const tagAt = (template: string, open: number): Either.Either<readonly [Tag, number], Wrong> =>
  Either.gen(function* () {
    const [tokens, end] = yield* tokensAt(template, open)
    const close = end - 2
    const [first, ...rest] = tokens
    const alone = first?.kind === "word" ? bare.get(first.raw) : undefined
    if (first?.kind === "word" && first.raw === "#if") return [{ kind: "if", test: yield* testOf(rest, close) }, end]
    if (alone === undefined) return [yield* placeOf(tokens, close), end]
    if (rest[0] !== undefined) return yield* wrong(rest[0].offset, `{{${first?.raw}}} stands alone`)
    return [{ kind: alone }, end]
  })
