import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as FastCheck from "effect/FastCheck"
import * as HashMap from "effect/HashMap"
import * as Redacted from "effect/Redacted"
import { AgentFailure } from "../../src/Domain/Agent.ts"
import { blankingOf, entryOf, type Logged } from "../../src/Logs/Entry.ts"
import { plainText, prettyText } from "../../src/Logs/Text.ts"
import { wantedBy } from "../../src/Logs/Wanted.ts"

const logged = (message: unknown, more: Partial<Logged> = {}): Logged => ({
  id: "b.1",
  time: 0,
  level: "info",
  message,
  annotations: HashMap.empty(),
  cause: Cause.empty,
  span: undefined,
  ...more
})

const asIs = (text: string) => text

const entry = (...args: Parameters<typeof logged>) => entryOf(logged(...args), asIs)

describe("entries of the log", () => {
  it("texts are joined, plain objects and annotations are fields, and component is the entry's own", () => {
    const { component, fields, message } = entry(
      ["run ended", { run_id: "run_1", ms: 3, reason: undefined, component: "scheduler" }, "late"],
      { annotations: HashMap.make(["component", "http"], ["job_name", "nightly"]) }
    )
    assert.strictEqual(component, "scheduler")
    assert.strictEqual(message, "run ended late")
    assert.deepStrictEqual(fields, { run_id: "run_1", ms: 3, job_name: "nightly" })
    assert.strictEqual(entry("x").component, "service")
  })

  it("what was foreseen is told in words, what was not with its stack", () => {
    const expected = entry("x", { cause: Cause.fail(new AgentFailure({ kind: "transient", message: "no answer" })) })
    assert.strictEqual(expected.cause, "no answer")
    assert.match(entry("x", { cause: Cause.die(new TypeError("odd")) }).cause ?? "", /odd\n\s+at /)
  })

  it("secrets are blanked in messages, fields and causes, and what is marked as one is never shown", () => {
    const shown = JSON.stringify(
      entryOf(
        logged(["sent hunter2hunter2 to x", { url: "https://x/?k=hunter2hunter2", key: Redacted.make("other") }], {
          cause: Cause.die(new Error("hunter2hunter2"))
        }),
        blankingOf(["hunter2hunter2", "x"])
      )
    )
    assert.notInclude(shown, "hunter2hunter2")
    assert.notInclude(shown, "other")
    assert.include(shown, "to x", "what is shorter than a secret stays")
  })

  it("an entry is bounded", () => {
    const long = "x".repeat(100_000)
    const fields = Object.fromEntries(Array.from({ length: 200 }, (_, n) => [`f${n}`, long]))
    const { length } = JSON.stringify(entry([long, fields], { cause: Cause.fail(long) }))
    assert.isBelow(length, 50_000)
  })

  it("whatever a message holds, it is one line that moves no cursor", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.string({ unit: "binary" }), FastCheck.string({ unit: "binary" }), (text, field) => {
        const one = entry([`a\u001b[31m${text}\r\nb`, { field }])
        for (const line of [plainText(one), prettyText(one, { colours: false })]) {
          assert.notMatch(line, /[\p{Cc}\u2028\u2029]/u)
        }
      })
    )
  })

  it("the lines of a cause stand below the entry, indented", () => {
    const text = plainText(
      entry("x", { cause: Cause.fail("one\n2026-01-01T00:00:00.000Z ERROR forged: two\u001b[2J") })
    )
    const [, ...below] = text.split("\n")
    assert.deepStrictEqual(below, ["    one", "    2026-01-01T00:00:00.000Z ERROR forged: two\uFFFD[2J"])
  })

  it("colours are there only where they are wanted", () => {
    assert.include(prettyText(entry("x"), { colours: true }), "\u001b[")
    assert.notInclude(prettyText(entry("x"), { colours: false }), "\u001b")
  })

  it("a filter takes a component or its beginning, a job's name, and ids wherever they stand", () => {
    const run = "run_01m7z3ej332kv6jh5fyzgh8cdp"
    const one = entry([`the log of ${run} stays`, { component: "scheduler", job_name: "nightly" }])
    for (const filter of ["scheduler", "sched", "nightly", run, undefined]) {
      assert.isTrue(wantedBy({ filter }, "info")(one), filter)
    }
    for (const filter of ["delivery", "night", "the log", "run_01m7z3ej332kv6jh5fyzgh8cdq"]) {
      assert.isFalse(wantedBy({ filter }, "info")(one), filter)
    }
    assert.isFalse(wantedBy({ level: "warn" }, "info")(one))
    assert.isTrue(wantedBy({ level: "debug" }, "error")(one))
    assert.isFalse(wantedBy({}, "warn")(one))
  })
})
