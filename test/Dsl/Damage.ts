import { readdirSync } from "node:fs"
import { assert } from "@effect/vitest"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import { makeReport } from "../../src/Dsl/Diagnostic.ts"
import { parse, startParse } from "../../src/Dsl/Parser.ts"
import { makeSource } from "../../src/Dsl/Source.ts"
import {
  formatFile,
  type ParsedFile,
  type ParsedSchedule,
  printAgent,
  printSchedule,
  renderDiagnostic
} from "../../src/Dsl.ts"
import { fixture, read } from "./support.ts"

/** Looks at tokens that a parse may cost per token; 100,000 damaged fixtures took up to 7. */
const stepsPerToken = 12

const texts = readdirSync(new URL("../fixtures/dsl", import.meta.url))
  .sort()
  .map(fixture)

/** Pieces of text that mean something to the parser. */
export const pieces = [
  ..."{}[]()\"'\\:=,;#-\n\t",
  '"""',
  "//",
  "\r\n",
  "\uFEFF",
  "schedule",
  "schedule {",
  "schedule s {",
  "agent",
  "agent x",
  "agent x {",
  "agent x(",
  "cron",
  "at:",
  "every: 5m",
  "name: n",
  "policy {",
  "with",
  "metadata {",
  "5m",
  "1e",
  "60.",
  "true",
  "🦊",
  "\uD800",
  "__proto__: 1",
  "constructor: 1",
  "toString { }"
]

/** Cuts a stretch out, puts a piece in, doubles a stretch or moves one, some times over. */
const mutation = FastCheck.record({
  at: FastCheck.nat(),
  length: FastCheck.nat(40),
  piece: FastCheck.constantFrom(...pieces),
  to: FastCheck.nat(),
  kind: FastCheck.constantFrom("cut", "insert", "replace", "repeat", "move")
})

type Mutation = typeof mutation extends FastCheck.Arbitrary<infer A> ? A : never

const mutate = (text: string, { at, kind, length, piece, to }: Mutation): string => {
  const start = at % (text.length + 1)
  const before = text.slice(0, start)
  const cut = text.slice(start, start + length)
  const after = text.slice(start + length)
  switch (kind) {
    case "cut":
      return before + after
    case "insert":
      return before + piece + cut + after
    case "replace":
      return before + piece + after
    case "repeat":
      return before + cut + cut + cut + after
    default: {
      const rest = before + after
      const target = to % (rest.length + 1)
      return rest.slice(0, target) + cut + rest.slice(target)
    }
  }
}

/** One fixture, or two one after the other, with some damage. */
export const damaged = FastCheck.tuple(
  FastCheck.array(FastCheck.constantFrom(...texts), { minLength: 1, maxLength: 2 }),
  FastCheck.array(mutation, { minLength: 1, maxLength: 6 })
).map(([chosen, mutations]) => mutations.reduce(mutate, chosen.join("\n")))

/** Pieces and characters of all kinds in any order. */
export const soup = FastCheck.array(
  FastCheck.oneof(FastCheck.constantFrom(...pieces), FastCheck.string({ unit: "binary" })),
  { maxLength: 60 }
).map((parts) => parts.join(" "))

/** The text with the insides of strings and comments blanked, by a rule of its own: one regular expression. */
const outline = (text: string): string =>
  text.replace(/"""(?:[\s\S]*?"""|[\s\S]*)|"(?:\\[^\n]|[^"\\\n])*"?|(?:#|\/\/)[^\n]*/g, (found) =>
    found.replace(/[^\n]/g, " ")
  )

const contains = (text: string, value: string): boolean =>
  text.includes(value) || text.replace(/\\(["\\])/g, "$1").includes(value)

/** A schedule is one that the text holds: at its place begins a block, and its words are in it. */
const isWritten = (text: string, plain: string, { definition, raw, span }: ParsedSchedule): void => {
  const block = text.slice(span.offset, span.offset + span.length)
  assert.match(plain.slice(span.offset, span.offset + span.length), /^schedule(?![\w-])[^{]*\{[\s\S]*\}$/)
  assert.notMatch(plain.slice(0, span.offset), /[\w-]$/)
  assert.isTrue(contains(text, definition.name), "its name")
  assert.isTrue(contains(text, definition.agent_id), "its agent")
  for (const key of ["cron_expr", "at"] as const) {
    const value = raw[key]
    if (typeof value === "string") assert.isTrue(contains(block, value), key)
  }
  assert.match(block, /\b(cron|at|every)\b/)
}

const withoutPrototypes = (value: unknown): unknown => structuredClone(value)

/** What a file means, whatever its layout. */
const meaning = ({ agents, brokenSchedules, schedules }: ParsedFile) =>
  withoutPrototypes([
    schedules.map(({ raw }) => raw),
    agents.map(({ definition }) => definition),
    brokenSchedules.map(({ raw, unread }) => [raw, [...unread]])
  ])

const commentsOf = (text: string): ReadonlyArray<string> =>
  Array.from(
    text.matchAll(/"""(?:[\s\S]*?"""|[\s\S]*)|"(?:\\[^\n]|[^"\\\n])*"?|((?:#|\/\/)[^\n]*)/g),
    ([, comment]) => comment?.trimEnd() ?? ""
  ).filter((comment) => comment !== "")

/** Printed as canonical text, everything that was read reads as the same again. */
const printsAsRead = ({ agents, schedules }: ParsedFile): void => {
  for (const { definition } of schedules) {
    const again = read(printSchedule(definition))
    assert.deepStrictEqual(again.diagnostics, [])
    assert.deepStrictEqual(
      again.schedules.map((one) => withoutPrototypes(one.definition)),
      [withoutPrototypes(definition)]
    )
  }
  for (const { definition } of agents) {
    if (definition.kind === "effect") continue
    assert.deepStrictEqual(
      read(printAgent(definition)).agents.map((one) => withoutPrototypes(one.definition)),
      [withoutPrototypes(definition)]
    )
  }
}

/** Formatted, a text means the same, keeps its comments, and is not changed by formatting it again. */
const formatsAsRead = (text: string, parsed: ParsedFile): void => {
  const formatted = formatFile(text, "a.symbi")
  if (Either.isLeft(formatted)) {
    assert.isAbove(formatted.left.length, 0)
    return
  }
  assert.deepStrictEqual(meaning(read(formatted.right)), meaning(parsed))
  assert.deepStrictEqual(commentsOf(formatted.right), commentsOf(text))
  assert.deepStrictEqual(formatFile(formatted.right, "a.symbi"), formatted)
}

/** Steps of a parse, beside the tokens it had to read. */
export const cost = (text: string): { readonly steps: number; readonly tokens: number } => {
  const cursor = startParse(makeSource("a.symbi", text), makeReport("a.symbi"))
  Array.from(parse(cursor))
  return { steps: cursor.steps, tokens: cursor.tokens.length }
}

/** The cost of a parse is linear in the text, whatever the text. */
export const isCheap = (text: string): void => {
  const { steps, tokens } = cost(text)
  assert.isAtMost(tokens, text.length)
  assert.isAtMost(steps, stepsPerToken * (tokens + 1))
}

/** Everything that must hold of any text at all. */
export const holdsFor = (text: string): void => {
  isCheap(text)
  const parsed = read(text)
  const lineCount = text.split("\n").length
  for (const diagnostic of parsed.diagnostics) {
    assert.isTrue(diagnostic.line >= 1 && diagnostic.line <= lineCount && diagnostic.column >= 1)
    assert.include(renderDiagnostic(diagnostic, text), "^")
  }
  const plain = outline(text)
  for (const schedule of parsed.schedules) isWritten(text, plain, schedule)
  printsAsRead(parsed)
  formatsAsRead(text, parsed)
}
