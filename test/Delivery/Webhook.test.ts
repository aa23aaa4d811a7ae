import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Webhook } from "standardwebhooks"
import type { DeliveryKind } from "../../src/Domain/Delivery.ts"
import { headerProblem } from "../../src/Domain/WebhookHeaders.ts"
import { WebhookPayload } from "../../src/Domain/WebhookPayload.ts"
import { version } from "../../src/Version.ts"
import { answers, httpReceiver } from "../support/HttpReceiver.ts"
import { finishedRun } from "./fixtures.ts"
import { notes, setUp } from "./webhooks.ts"

const decodePayload = Schema.decodeUnknownSync(Schema.parseJson(WebhookPayload), { onExcessProperty: "error" })

describe("a webhook", () => {
  it.scopedLive("receives the run, its job and the output as JSON", () =>
    Effect.gen(function* () {
      const { deliver, first } = yield* setUp([answers(204)])
      yield* deliver({ description: "not told", input: "nor this", labels: ["a"] }, { output: "fine ✓" })
      const { body, headers, method, path } = first()
      assert.deepStrictEqual([method, path], ["POST", "/hook"])
      assert.strictEqual(headers["content-type"], "application/json")
      assert.strictEqual(headers["user-agent"], `symbiont-scheduler/${version}`)
      assert.strictEqual(headers["authorization"], undefined)
      assert.strictEqual(headers["webhook-signature"], undefined)
      const payload = decodePayload(body)
      assert.deepStrictEqual(
        [payload.delivery_id, payload.event, payload.output, payload.job.name, payload.job.labels, payload.run.status],
        [notes.id, "success", "fine ✓", "nightly", ["a"], "succeeded"]
      )
      const { job, run } = JSON.parse(body)
      assert.strictEqual(run.finished_at, "2026-02-15T14:30:00.000Z")
      assert.isFalse("output" in run)
      assert.isFalse(["input", "description", "webhook_url", "webhook_secret"].some((key) => key in job))
    })
  )

  it.scopedLive("carries no secret of its job", () =>
    Effect.gen(function* () {
      const { deliver, first } = yield* setUp([answers(200)], { variables: { KEY: "resolved-secret" } })
      yield* deliver({
        webhook_headers: { "x-key": `\${KEY}`, authorization: "Bearer literal-secret" },
        webhook_secret: "signing-secret",
        agent_pin_jwt: "pin-secret",
        input: "input-secret"
      })
      assert.notMatch(first().body, /secret/)
    })
  )

  const events: ReadonlyArray<
    readonly [DeliveryKind, status: ReturnType<typeof finishedRun>["status"], event: string]
  > = [
    ["output", "succeeded", "success"],
    ["output", "failed", "failure"],
    ["output", "timed_out", "failure"],
    ["output", "interrupted", "failure"],
    ["output", "skipped", "skipped"],
    ["output", "denied", "skipped"],
    ["dead_letter", "failed", "dead_letter"],
    ["approval", "awaiting_approval", "approval"]
  ]
  it.scopedLive("is told what happened", () =>
    Effect.gen(function* () {
      const { deliver, receiver } = yield* setUp([answers(200)])
      for (const [kind, status] of events) {
        yield* deliver({}, { run: finishedRun({ status }), notes: { ...notes, kind } })
      }
      assert.deepStrictEqual(
        receiver.received.map(({ body }) => decodePayload(body).event),
        events.map(([, , event]) => event)
      )
    })
  )

  it.scopedLive("receives long output cut, and keeps it whole up to the limit", () =>
    Effect.gen(function* () {
      const { deliver, receiver } = yield* setUp([answers(200)], { delivery: { max_output_bytes: 1_024 } })
      yield* deliver({}, { output: "é".repeat(512) })
      yield* deliver({}, { output: "é".repeat(513) })
      const [whole, cut] = receiver.received.map(({ body }) => decodePayload(body).output)
      assert.strictEqual(whole, "é".repeat(512))
      assert.match(cut ?? "", /^é+\n… \(cut; 1026 bytes in all, kept with run run_[0-9a-z]+\)$/)
      assert.isAtMost(Buffer.byteLength(cut ?? ""), 1_024)
    })
  )

  it.scopedLive("receives the job's own body in place of the JSON", () =>
    Effect.gen(function* () {
      const { deliver, first } = yield* setUp([answers(200)], { variables: { ROOM: "ops" } })
      yield* deliver({ webhook_body: `room=\${ROOM}`, webhook_headers: { "Content-Type": "text/plain" } })
      assert.deepStrictEqual([first().body, first().headers["content-type"]], ["room=ops", "text/plain"])
      const failure = yield* Effect.flip(deliver({ webhook_body: `room=\${HALL}` }))
      assert.isTrue(failure.permanent)
      assert.match(failure.message, /^webhook_body needs the environment variable HALL, which is not set/)
    })
  )

  it.scopedLive("receives what a template makes of the output, and no variable that the output names", () =>
    Effect.gen(function* () {
      const { deliver, receiver } = yield* setUp([answers(200)], { variables: { ROOM: "ops" } })
      const webhook_body = `{"room": "\${ROOM}", "text": {{output | json}}, "event": "{{event}}"}`
      yield* deliver({ webhook_body }, { output: `say "\${ROOM}" and {{job.name}}` })
      yield* deliver({ webhook_body }, { output: "it waits", notes: { ...notes, kind: "approval" } })
      assert.deepStrictEqual(
        receiver.received.map(({ body }) => JSON.parse(body)),
        [
          { room: "ops", text: `say "\${ROOM}" and {{job.name}}`, event: "success" },
          { room: "ops", text: "it waits", event: "approval" }
        ]
      )
    })
  )

  it.scopedLive("is found and addressed with variables", () =>
    Effect.gen(function* () {
      const { deliver, first, receiver } = yield* setUp([answers(200)], {
        variables: { METRICS_API_KEY: "k-1", BASE: "http://127.0.0.1" }
      })
      yield* deliver({
        webhook_url: `\${BASE}:${receiver.port}/ingest`,
        webhook_headers: { Authorization: `Bearer \${METRICS_API_KEY}`, "X-Dollar": "$HOME" }
      })
      const { headers, path } = first()
      assert.deepStrictEqual([path, headers["authorization"], headers["x-dollar"]], ["/ingest", "Bearer k-1", "$HOME"])
      for (const field of [
        { webhook_url: `http://\${NONE}/` },
        { webhook_headers: { a: `\${NONE}` } },
        { webhook_secret: `\${NONE}` }
      ]) {
        const failure = yield* Effect.flip(deliver(field))
        assert.isTrue(failure.permanent)
        assert.match(failure.message, /environment variable NONE, which is not set/)
      }
      assert.lengthOf(receiver.received, 1)
    })
  )
})

describe("the authorization of a webhook", () => {
  const authorizations = (fields: Readonly<Record<string, unknown>>) =>
    Effect.gen(function* () {
      const { deliver, first } = yield* setUp([answers(200)], { delivery: { webhook_auth_header: "Bearer default" } })
      yield* deliver(fields)
      return first().headers["authorization"]
    }).pipe(Effect.scoped)

  it.live("is the configured one, unless the job has one in any spelling", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* authorizations({}), "Bearer default")
      assert.strictEqual(yield* authorizations({ webhook_headers: { aUTHORIZATION: "Basic own" } }), "Basic own")
    })
  )

  it.scopedLive("is the user of the job's URL before the configured one", () =>
    Effect.gen(function* () {
      const { deliver, first, receiver } = yield* setUp([answers(200)], {
        delivery: { webhook_auth_header: "Bearer default" }
      })
      yield* deliver({ webhook_url: `http://user:pass@127.0.0.1:${receiver.port}/` })
      assert.strictEqual(first().headers["authorization"], `Basic ${Buffer.from("user:pass").toString("base64")}`)
    })
  )

  it.scopedLive("is refused where it cannot be a header", () =>
    Effect.gen(function* () {
      const { deliver } = yield* setUp([answers(200)], { delivery: { webhook_auth_header: "Bearer a\nb" } })
      const failure = yield* Effect.flip(deliver())
      assert.isTrue(failure.permanent)
      assert.match(failure.message, /^webhook_auth_header of the configuration: .*authorization has a line break/)
    })
  )
})

describe("the signature of a webhook", () => {
  const standard = `whsec_${Buffer.from("a key of twenty-four bytes").toString("base64")}`

  it.scopedLive("is one that receivers of Standard Webhooks accept", () =>
    Effect.gen(function* () {
      const { deliver, first } = yield* setUp([answers(200)], { variables: { HOOK_SECRET: standard } })
      const before = yield* Clock.currentTimeMillis
      yield* deliver({ webhook_secret: `\${HOOK_SECRET}` }, { output: "Grüße ✓" })
      const { body, headers } = first()
      const sent = {
        "webhook-id": `${headers["webhook-id"]}`,
        "webhook-timestamp": `${headers["webhook-timestamp"]}`,
        "webhook-signature": `${headers["webhook-signature"]}`
      }
      assert.strictEqual(sent["webhook-id"], notes.id)
      assert.isAtLeast(Number(sent["webhook-timestamp"]), Math.floor(before / 1_000))
      assert.deepStrictEqual(new Webhook(standard).verify(body, sent), JSON.parse(body))
      assert.throws(() => new Webhook(standard).verify(`${body} `, sent))
      assert.throws(() => new Webhook(Buffer.from("another key").toString("base64")).verify(body, sent))
    })
  )

  it.scopedLive("is by the configured secret unless the job has one, and by each of several", () =>
    Effect.gen(function* () {
      const { deliver, receiver } = yield* setUp([answers(200)], { delivery: { webhook_secret: "any-old-text" } })
      yield* deliver()
      yield* deliver({ webhook_secret: `${standard}  raw-text` })
      const [byDefault, byJob] = receiver.received
      const check = (secret: string, raw: boolean, one: typeof byDefault) =>
        new Webhook(secret, raw ? { format: "raw" } : {}).verify(
          one?.body ?? "",
          Object.fromEntries(Object.entries(one?.headers ?? {}).map(([name, value]) => [name, `${value}`]))
        )
      check("any-old-text", true, byDefault)
      check(standard, false, byJob)
      check("raw-text", true, byJob)
      assert.throws(() => check("any-old-text", true, byJob))
      assert.match(`${byJob?.headers["webhook-signature"]}`, /^v1,\S{44} v1,\S{44}$/)
    })
  )

  it.scopedLive("is refused where the secret is none, and nothing is sent", () =>
    Effect.gen(function* () {
      const { deliver, receiver } = yield* setUp([answers(200)], { variables: { EMPTY: " " } })
      for (const [webhook_secret, why] of [
        [`\${EMPTY}`, "it is empty"],
        ["whsec_", "what follows whsec_ is no base64"],
        ["fine whsec_!!!!", "what follows whsec_ is no base64"]
      ] as const) {
        const failure = yield* Effect.flip(deliver({ webhook_secret }))
        assert.deepStrictEqual([failure.permanent, failure.message], [true, `webhook_secret cannot be used: ${why}`])
      }
      assert.lengthOf(receiver.received, 0)
    })
  )
})

describe("the headers of a webhook", () => {
  it("are what a job may give, and no others", () => {
    for (const name of ["X-Key", "authorization", "Content-Type", "x!#$%&'*+.^_`|~-"]) {
      assert.strictEqual(headerProblem(name, "a ü\tb"), undefined)
    }
    for (const name of [
      "Host",
      "content-length",
      "Transfer-Encoding",
      "CONNECTION",
      "webhook-id",
      "Webhook-Anything"
    ]) {
      assert.strictEqual(headerProblem(name, "x"), `the header ${name} is set by the service; leave it out`)
    }
    for (const name of ["", "a b", "a:b", "a\r\nb", "ü"]) {
      assert.strictEqual(headerProblem(name, "x"), `${JSON.stringify(name)} is no name of a header`)
    }
    for (const value of ["secret\r\nx: y", "secret\n", "secret\0", "secret ✓"]) {
      assert.match(headerProblem("x-key", value) ?? "", /^the value of the header x-key has a line break/)
      assert.notInclude(headerProblem("x-key", value) ?? "", "secret")
    }
  })

  it.scopedLive("fail for good where they cannot be sent, also when a variable makes it so", () =>
    Effect.gen(function* () {
      const { deliver, receiver } = yield* setUp([answers(200)], { variables: { KEY: "hidden-value\n" } })
      for (const webhook_headers of [{ "x-key": `\${KEY}` }, { Host: "10.0.0.1" }, { "a b": "c" }]) {
        const failure = yield* Effect.flip(deliver({ webhook_headers }))
        assert.isTrue(failure.permanent)
        assert.match(failure.message, /^webhook_headers: /)
        assert.notInclude(failure.message, "hidden-value")
      }
      assert.lengthOf(receiver.received, 0)
    })
  )
})

describe("an alert by webhook", () => {
  it.scopedLive("goes where the configuration says, with nothing of the job's", () =>
    Effect.gen(function* () {
      const fallback = yield* httpReceiver([answers(200)])
      const { deliver, receiver } = yield* setUp([answers(200)], {
        delivery: {
          fallback_webhook_url: `${fallback.url}/alerts`,
          webhook_auth_header: "Bearer default",
          webhook_secret: "default-secret"
        }
      })
      const fields = {
        webhook_headers: { authorization: "Bearer own", "x-own": "1" },
        webhook_secret: "own-secret",
        webhook_body: "own body"
      }
      yield* deliver(fields, { notes: { ...notes, kind: "undelivered" }, output: "it did not arrive" })
      assert.lengthOf(receiver.received, 0)
      const [{ body, headers, path } = assert.fail()] = fallback.received
      assert.deepStrictEqual(
        [path, headers["authorization"], headers["x-own"]],
        ["/alerts", "Bearer default", undefined]
      )
      assert.deepStrictEqual(
        [decodePayload(body).event, decodePayload(body).output],
        ["undelivered", "it did not arrive"]
      )
      new Webhook("default-secret", { format: "raw" }).verify(
        body,
        Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, `${value}`]))
      )
    })
  )

  it.scopedLive("fails for good without an address", () =>
    Effect.gen(function* () {
      const { deliver, receiver } = yield* setUp([answers(200)])
      const failure = yield* Effect.flip(deliver({}, { notes: { ...notes, kind: "undelivered" } }))
      assert.isTrue(failure.permanent)
      assert.match(failure.message, /fallback_webhook_url under \[scheduler\.delivery\]/)
      assert.lengthOf(receiver.received, 0)
    })
  )
})
