import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import { checkDefinition } from "../../src/Jobs.ts"
import { define } from "../support/Engine.ts"

const issuesOf = (name: string) =>
  Either.match(checkDefinition(define({ name, every: "1h" }), { anchor: 0, timezone: "UTC" }), {
    onRight: () => [],
    onLeft: ({ issues }) => issues.map(({ path }) => path)
  })

describe("a job's name", () => {
  it("is no step in the path of a URL", () => {
    assert.deepStrictEqual([".", "..", "...", "a.b", ".a"].map(issuesOf), [["name"], ["name"], [], [], []])
  })
})
