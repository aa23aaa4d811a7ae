import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { stillHidden, withoutSecrets, withSecretsOf } from "../src/Domain/Redaction.ts"
import { Jobs } from "../src/Jobs.ts"
import { scriptedAgent } from "../src/testing.ts"
import { create, define, engine } from "./support/Engine.ts"

const token = "eyJhbGciOiJFUzI1NiJ9.e30.c2ln"

const secretive = {
  name: "job",
  every: "1h",
  agent_pin_jwt: token,
  webhook_secret: "whsec_bm90IGEgc2VjcmV0",
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

  it("hides the tokens of an address, and no other part of it", () => {
    const uuid = "6f1c2a34-9d1e-4c55-8a0f-1b2c3d4e5f60"
    const cases: ReadonlyArray<readonly [written: string, shown: string]> = [
      ["https://metrics.example.com/ingest/v2", "https://metrics.example.com/ingest/v2"],
      ["https://metrics.example.com/ingest?team=ops&a=#b", "https://metrics.example.com/ingest?team=ops&a=#b"],
      [
        "https://a.example.com/?team=ops&sig=x&apiKey=y",
        "https://a.example.com/?team=ops&sig=[redacted]&apiKey=[redacted]"
      ],
      [`https://a.example.com/?${uuid}&b=${uuid}`, "https://a.example.com/?[redacted]&b=[redacted]"],
      [`https://a.example.com/in?code=\${KEY}`, `https://a.example.com/in?code=\${KEY}`],
      ["https://chat.googleapis.com?a=1", "https://chat.googleapis.com?[redacted]"],
      [`https://hooks.example.com/catch/${uuid}/`, "https://hooks.example.com/catch/[redacted]/"],
      [
        "https://hooks.slack.com/services/T0/B0/x",
        "https://hooks.slack.com/[redacted]/[redacted]/[redacted]/[redacted]"
      ],
      [`https://HOOKS.slack.com:443/services/\${T}`, `https://HOOKS.slack.com:443/[redacted]/\${T}`],
      ["https://discord.com/api/webhooks/1/abc", "https://discord.com/[redacted]/[redacted]/[redacted]/[redacted]"],
      ["https://notslack.com/services/T0", "https://notslack.com/services/T0"],
      [`https://a.example.com/in/${token}/x?v=1.2.3`, "https://a.example.com/in/[redacted]/x?v=1.2.3"],
      [`https://a.example.com/in?t=${token}&jwt=x`, "https://a.example.com/in?t=[redacted]&jwt=[redacted]"],
      [
        "https://a.example.com/metrics.example.com/report.tar.gz",
        "https://a.example.com/metrics.example.com/report.tar.gz"
      ],
      [`\${BASE}/catch/${uuid}`, `\${BASE}/catch/[redacted]`],
      [`\${HOOK}`, `\${HOOK}`]
    ]
    for (const [webhook_url, shown] of cases) {
      const stored = define({ name: "job", every: "1h", webhook_url })
      assert.strictEqual(withoutSecrets(stored).webhook_url, shown)
      assert.deepStrictEqual(withSecretsOf(withoutSecrets(stored), stored), stored)
      assert.lengthOf(stillHidden(withoutSecrets(stored)), shown === webhook_url ? 0 : 1)
    }
  })

  it("hides the values of headers that are named for secrets, or hold a token", () => {
    const names = ["X-JWT", "X-Passphrase", "X-Session-Id", "bearer", "X-Auth"]
    const secrets = Object.fromEntries(names.map((name) => [name, "canary"]))
    const stored = define({
      ...secretive,
      webhook_headers: { ...secrets, "X-Who": `Bearer ${token}`, "X-Version": "1.2.3", "X-Host": "a.example.com" }
    })
    assert.deepStrictEqual(withoutSecrets(stored).webhook_headers, {
      ...Object.fromEntries(names.map((name) => [name, "[redacted]"])),
      "X-Who": "[redacted]",
      "X-Version": "1.2.3",
      "X-Host": "a.example.com"
    })
    assert.deepStrictEqual(withSecretsOf(withoutSecrets(stored), stored), stored)
  })

  it("hides the keys of a signature, each for itself", () => {
    const stored = (webhook_secret: string) => define({ name: "job", every: "1h", webhook_secret })
    const shown = (webhook_secret: string) => withoutSecrets(stored(webhook_secret)).webhook_secret
    assert.strictEqual(shown("whsec_bm90IGEgc2VjcmV0"), "[redacted]")
    assert.strictEqual(shown(`\${NEW} whsec_bm90IGEgc2VjcmV0`), `\${NEW} [redacted]`)
    assert.strictEqual(shown(`\${NEW} \${OLD}`), `\${NEW} \${OLD}`)
    for (const secret of ["plain", `\${NEW} old`]) {
      assert.deepStrictEqual(withSecretsOf(withoutSecrets(stored(secret)), stored(secret)), stored(secret))
    }
    assert.strictEqual(
      withSecretsOf({ webhook_secret: "[redacted]" }, stored(`\${NEW} old`)).webhook_secret,
      `\${NEW} old`
    )
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
