import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { withoutSecrets, withSecretsOf } from "../src/Domain/Redaction.ts"
import { Jobs } from "../src/Jobs.ts"
import { scriptedAgent } from "../src/testing.ts"
import { create, define, engine } from "./support/Engine.ts"

const token = "eyJhbGciOiJFUzI1NiJ9.e30.c2ln"

const secretive = {
  name: "job",
  every: "1h",
  agent_pin_jwt: token,
  webhook_headers: { Authorization: `Bearer ${token}`, "X-Team": "ops", "X-Api-Key": `Key \${KEY}` }
}

describe("a job as it is shown", () => {
  it("hides what is written out, and keeps references and plain headers", () => {
    assert.deepInclude(withoutSecrets(define(secretive)), {
      agent_pin_jwt: "[redacted]",
      webhook_headers: { Authorization: "[redacted]", "X-Team": "ops", "X-Api-Key": `Key \${KEY}` }
    })
    for (const written of [`\${AGENT_PIN_JWT}`, "file:credentials/pin.jwt"]) {
      assert.strictEqual(
        withoutSecrets(define({ name: "job", every: "1h", agent_pin_jwt: written })).agent_pin_jwt,
        written
      )
    }
    assert.notProperty(withoutSecrets(define({ name: "job", every: "1h" })), "agent_pin_jwt")
  })

  it("hides what is written beside a reference, and the user of an address", () => {
    const mixed = withoutSecrets(
      define({
        ...secretive,
        agent_pin_jwt: `abc\${X}def`,
        webhook_url: "https://u:pw@hooks.example.com/T/1",
        webhook_headers: { Authorization: `Bearer real \${X}` }
      })
    )
    assert.strictEqual(mixed.agent_pin_jwt, "[redacted]")
    assert.strictEqual(mixed.webhook_url, "https://[redacted]@hooks.example.com/T/1")
    assert.deepStrictEqual(mixed.webhook_headers, { Authorization: "[redacted]" })
    const stored = define({ ...secretive, webhook_url: "https://u:pw@hooks.example.com/T/1" })
    assert.deepStrictEqual(withSecretsOf(withoutSecrets(stored), stored), stored)
  })

  it("sent back, means what is stored", () => {
    const stored = define(secretive)
    assert.deepStrictEqual(withSecretsOf(withoutSecrets(stored), stored), stored)
  })

  it.effect("can be edited as it is shown; a hidden value that is not stored is refused", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const { warnings: _, ...job } = yield* create(secretive)
      yield* jobs.update("job", { ...withoutSecrets({ agent_pin_jwt: token }), input: "new" }, { actor: "test" })
      const after = yield* jobs.get("job")
      assert.deepStrictEqual(
        [after.agent_pin_jwt, after.input, after.webhook_headers],
        [token, "new", job.webhook_headers]
      )
      yield* jobs.update("job", { webhook_headers: { Authorization: "[redacted]" } }, { actor: "test" })
      assert.deepStrictEqual((yield* jobs.get("job")).webhook_headers, { Authorization: `Bearer ${token}` })
      const unknown = yield* Effect.flip(
        jobs.update("job", { webhook_headers: { "X-Key": "[redacted]" } }, { actor: "test" })
      )
      assert.include(unknown.message, "webhook_headers.X-Key: [redacted] stands for a stored value, and none is stored")
      const created = yield* Effect.flip(create({ name: "other", every: "1h", agent_pin_jwt: "[redacted]" }))
      assert.include(created.message, "agent_pin_jwt: [redacted]")
    }).pipe(Effect.provide(engine({ agent: scriptedAgent({}) })))
  )
})
