import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { folderWith, startService } from "../support/Service.ts"

const toml = `
[server]
port = 0
api_keys = ["admin:admin-key-0123456789:admin", "ops:ops-key-0123456789abc:read+operate"]
`

const admin = "admin-key-0123456789"
const operator = "ops-key-0123456789abc"

describe("a gate that is a command", () => {
  it.scopedLive("comes over HTTP only from who has the scope admin", () =>
    Effect.gen(function* () {
      const folder = yield* folderWith({
        "symbiont.toml": toml,
        "agents/echo.symbi": 'agent echo { command: ["cat"] }'
      })
      const service = yield* startService({ folder })
      const ask = (method: string, path: string, key: string, body: unknown) =>
        Effect.promise(async () => {
          const answer = await fetch(`${service.url}/api/v1${path}`, {
            method,
            headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
            body: JSON.stringify(body)
          })
          const text = await answer.text()
          return [answer.status, JSON.parse(text)] as const
        })

      const gate = { command: ["true"] }
      const job = { name: "gated", agent_id: "echo", every: "1h" }
      const [refused, error] = yield* ask("POST", "/schedule", operator, { ...job, gate })
      assert.deepStrictEqual([refused, error.code], [403, "FORBIDDEN_SCOPE"])
      assert.include(error.message ?? error.error, "scope admin")
      assert.strictEqual((yield* ask("POST", "/schedule", operator, job))[0], 201)
      assert.strictEqual((yield* ask("PUT", "/schedule/gated", operator, { gate }))[0], 403)

      const text = 'schedule { name: "sent" agent: "echo" every: "1h" gate { command: ["true"] } }'
      const files = [{ path: "/srv/sent.symbi", text }]
      const [unsent, issues] = yield* ask("POST", "/apply", operator, { files })
      assert.strictEqual(unsent, 400)
      assert.match(JSON.stringify(issues.details), /sent\.symbi:1:\d+.*scope admin/)
      assert.strictEqual((yield* ask("POST", "/apply", admin, { files }))[0], 200)

      assert.strictEqual((yield* ask("PUT", "/schedule/gated", admin, { gate }))[0], 200)
      // What an admin gave may be sent back as it is, and be taken away.
      assert.strictEqual((yield* ask("PUT", "/schedule/gated", operator, { gate, input: "x" }))[0], 200)
      assert.strictEqual((yield* ask("PUT", "/schedule/gated", operator, { gate: { command: ["false"] } }))[0], 403)
      assert.strictEqual((yield* ask("PUT", "/schedule/gated", operator, { gate: null }))[0], 200)
      assert.strictEqual(
        (yield* ask("POST", "/schedule", operator, { ...job, name: "asked", gate: { url: "https://example.com" } }))[0],
        201
      )
    })
  )
})
