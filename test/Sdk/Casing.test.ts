import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import { Budget } from "../../src/Domain/Budget.ts"
import { JobDefinition } from "../../src/Domain/Job.ts"
import { Policy } from "../../src/Domain/Policy.ts"
import { Heartbeat } from "../../src/Domain/Session.ts"
import { toSnakeKeys } from "../../src/Sdk/Casing.ts"

const camelCase = (key: string) => key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())

const camelised = (value: unknown): unknown =>
  Array.isArray(value)
    ? value.map(camelised)
    : typeof value === "object" && value !== null
      ? Object.fromEntries(Object.entries(value).map(([key, item]) => [camelCase(key), camelised(item)]))
      : value

describe("keys of requests", () => {
  it("become what the schema has, at every depth, whichever way they are written", () => {
    // The patterns and rules of values make them slow to find, and are not what keys are about.
    const Shape = Schema.Struct({
      policy: Schema.encodedSchema(Policy),
      heartbeat: Schema.encodedSchema(Heartbeat),
      budget: Schema.NullOr(Schema.encodedSchema(Budget)),
      checkpoints: Schema.Array(Schema.Struct({ public_key: Schema.String }))
    })
    fc.assert(
      fc.property(Arbitrary.make(Shape), (value) => {
        assert.deepStrictEqual(toSnakeKeys(Shape.ast, camelised(value)), value)
        assert.deepStrictEqual(toSnakeKeys(Shape.ast, value), value)
      })
    )
  })

  it("are the caller's own in maps", () => {
    const webhook_headers = { "X-Key": "1", camelCase: "2", snake_case: "3", agentId: "4", __proto__x: "5" }
    assert.deepStrictEqual(toSnakeKeys(JobDefinition.ast, { webhookHeaders: webhook_headers }), { webhook_headers })
  })

  it("stay as they are when they are unknown, or there twice", () => {
    const value = { agentid: 1, Name: 2, agent_id: 3, agentId: 4, cronExpr_: 5 }
    assert.deepStrictEqual(toSnakeKeys(JobDefinition.ast, value), value)
  })

  it("are not looked for in what is no plain object, and dates are texts", () => {
    const at = new Date("2026-02-15T14:30:00Z")
    const url = new URL("http://receiver.test/hook")
    assert.deepStrictEqual(toSnakeKeys(JobDefinition.ast, { at, webhookUrl: url, policy: Object.create(null) }), {
      at: "2026-02-15T14:30:00.000Z",
      webhook_url: url,
      policy: {}
    })
    assert.throws(() => toSnakeKeys(JobDefinition.ast, { at: new Date(Number.NaN) }), RangeError)
  })
})
