import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { AuditCheckpoints, AuditLog } from "../../src/AuditLog.ts"
import { HttpLive } from "../../src/Http.ts"
import { testRuntime } from "../../src/testing.ts"
import { TestServer } from "../support/TestServer.ts"

const service = HttpLive.pipe(
  Layer.provideMerge(AuditCheckpoints.layer),
  Layer.provideMerge(TestServer),
  Layer.provideMerge(testRuntime())
)

const ask = (method: "GET" | "POST", path: string, body?: unknown) =>
  Effect.gen(function* () {
    const client = yield* HttpClient.HttpClient
    const request = HttpClientRequest.make(method)(`/api/v1/audit${path}`)
    const response = yield* client.execute(
      body === undefined ? request : HttpClientRequest.bodyUnsafeJson(request, body)
    )
    // biome-ignore lint/suspicious/noExplicitAny: what the wire says is what is tested
    return { status: response.status, link: response.headers["link"], body: (yield* response.json) as any }
  }).pipe(Effect.scoped, Effect.orDie)

const at = Date.UTC(2026, 1, 1)

layer(service)("the routes of the audit log", (it) => {
  it.effect("list entries newest first, filtered, page after page", () =>
    Effect.gen(function* () {
      const log = yield* AuditLog
      yield* log.append(
        [-1, 0, 1, 2, 3].map((n) => ({ type: "ClockJumped", actor: "scheduler", reason: `${n}`, time: at + n })),
        at
      )
      const reasons = (answer: Effect.Effect.Success<ReturnType<typeof ask>>) =>
        answer.body.map(({ reason }: { readonly reason: string }) => reason)
      const first = yield* ask("GET", "?type=ClockJumped&since=2026-02-01&until=2026-02-01T00:00:00.003Z&limit=2")
      assert.deepStrictEqual([first.status, reasons(first)], [200, ["2", "1"]])
      assert.deepStrictEqual(Object.keys(first.body[0]), [
        ...["id", "time", "type", "actor", "job_id", "job_name", "run_id", "reason", "before", "after"]
      ])
      assert.strictEqual(first.body[0].time, "2026-02-01T00:00:00.002Z")
      const next = /^<\/api\/v1\/audit(.*)>; rel="next"$/.exec(first.link ?? "")?.[1] ?? ""
      const second = yield* ask("GET", next)
      assert.deepStrictEqual([reasons(second), second.link], [["0"], undefined])
      const before = yield* ask("GET", "?until=2026-02-01T01:00:00%2B01:00")
      assert.deepStrictEqual(reasons(before), ["-1"])
    })
  )

  it.effect("refuse what they do not know, and say what is known", () =>
    Effect.gen(function* () {
      const refusals = [
        ["?type=Nothing", "type", /CronJobFailed/],
        ["?since=yesterday", "since", /a day such as 2026-02-01/],
        ["?since=2026-02-30", "since", /a day such as/],
        ["?until=2026-02-01T00:00:00", "until", /an instant such as/],
        ["?limit=0", "limit", /1 to 1000/],
        ["?cursor=x", "cursor", /Link header/],
        ["?kind=x", "kind", /unknown key/]
      ] as const
      for (const [query, path, expected] of refusals) {
        const { body, status } = yield* ask("GET", query)
        assert.deepStrictEqual([status, body.details[0]?.path], [400, path], query)
        assert.match(body.details[0].message, expected)
      }
      const none = yield* ask("POST", "/verify", { checkpoints: [{ seq: 1 }] })
      assert.strictEqual(none.status, 400)
    })
  )

  it.effect("sign how far the log reaches, and compare it later", () =>
    Effect.gen(function* () {
      const { body: kept, status } = yield* ask("POST", "/checkpoint")
      assert.strictEqual(status, 200)
      yield* Effect.flatMap(AuditLog, (log) => log.append([{ type: "ClockJumped", actor: "scheduler" }], at))
      const whole = yield* ask("GET", "/verify")
      assert.deepStrictEqual([whole.status, whole.body.ok, whole.body.entries], [200, true, kept.count + 1])
      assert.deepStrictEqual((yield* ask("POST", "/verify", { checkpoints: [kept] })).body, whole.body)
      const forged = yield* ask("POST", "/verify", { checkpoints: [{ ...kept, hash: "0".repeat(64) }] })
      assert.deepStrictEqual([forged.body.ok, forged.body.broken.kind], [false, "checkpoint_mismatch"])
    })
  )
})
