import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Jobs } from "../../src/Jobs.ts"
import { scriptedAgent } from "../../src/testing.ts"
import { create, define, engine, minute, until } from "../support/Engine.ts"

describe("a whole job given for a definition", () => {
  it.effect("makes another job, and edits the one that it was, by what it defines alone", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      yield* create({ name: "a", every: "1h" })
      yield* until(90 * minute)
      yield* jobs.pause("a", "test")
      const a = yield* jobs.get("a")
      const b = yield* jobs.create({ ...a, name: define({ name: "b", every: "1h" }).name }, "test")
      assert.notStrictEqual(b.id, a.id)
      assert.deepStrictEqual([b.status, b.version, b.created_at], ["active", 1, 90 * minute])
      const given = { ...a, version: 1, status: "active" as const, labels: ["x"] }
      const edited = yield* jobs.update("a", given, { actor: "test" })
      assert.deepStrictEqual([edited.status, edited.version], ["paused", a.version + 1])
    }).pipe(Effect.provide(engine({ agent: scriptedAgent({}) })))
  )
})
