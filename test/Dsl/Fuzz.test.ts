import { readdirSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { renderDiagnostic } from "../../src/Dsl.ts"
import { fixture, read } from "./support.ts"

const texts = readdirSync(new URL("../fixtures/dsl", import.meta.url))
  .sort()
  .map(fixture)

const pieces = [
  "{",
  "}",
  "[",
  "]",
  "(",
  ")",
  '"',
  '"""',
  "'",
  "\\",
  ":",
  "=",
  ",",
  ";",
  "#",
  "//",
  "\n",
  "\r\n",
  "\t",
  "\uFEFF",
  "schedule",
  "schedule {",
  "agent",
  "agent x {",
  "cron",
  "at:",
  "policy {",
  "5m",
  "1e",
  "-",
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
  kind: FastCheck.constantFrom("cut", "insert", "replace", "repeat")
})

const mutate = (
  text: string,
  { at, kind, length, piece }: typeof mutation extends FastCheck.Arbitrary<infer A> ? A : never
) => {
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
    default:
      return before + cut + cut + cut + after
  }
}

const mutated = FastCheck.tuple(
  FastCheck.constantFrom(...texts),
  FastCheck.array(mutation, { minLength: 1, maxLength: 6 })
).map(([text, mutations]) => mutations.reduce(mutate, text))

const check = (text: string) => {
  const lineCount = text.split("\n").length
  const { diagnostics } = read(text)
  for (const diagnostic of diagnostics) {
    assert.isTrue(diagnostic.line >= 1 && diagnostic.line <= lineCount && diagnostic.column >= 1)
    assert.include(renderDiagnostic(diagnostic, text), "^")
  }
}

describe("parseFile on damaged text", () => {
  it("never throws, always ends, and always points into the text", () => {
    FastCheck.assert(FastCheck.property(mutated, check), { numRuns: 3_000, seed: 3 })
  })

  it("takes any text at all", () => {
    const soup = FastCheck.array(
      FastCheck.oneof(FastCheck.constantFrom(...pieces), FastCheck.string({ unit: "binary" })),
      {
        maxLength: 60
      }
    ).map((parts) => parts.join(" "))
    FastCheck.assert(FastCheck.property(soup, check), { numRuns: 2_000, seed: 4 })
  })

  it("takes long runs of anything without running out of stack", () => {
    for (const piece of [...pieces, "a: [ ", "x { ", "agent a ( ) ", "with a, ", "a = {"])
      check(`${piece} `.repeat(20_000))
  })
})
