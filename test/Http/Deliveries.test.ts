import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { AuditCheckpoints } from "../../src/AuditLog.ts"
import { DeliveryRouter } from "../../src/Delivery.ts"
import { DeliveryFailure } from "../../src/Domain/Delivery.ts"
import { HttpLive } from "../../src/Http.ts"
import { scriptedAgent, testRuntime } from "../../src/testing.ts"
import { TestServer } from "../support/TestServer.ts"

let working = false

const channels = Layer.succeed(DeliveryRouter, {
  route: (channel) =>
    Effect.suspend(() =>
      working || channel === "stdout"
        ? Effect.void
        : new DeliveryFailure({ channel, message: "no such channel", permanent: true })
    )
})

const service = HttpLive.pipe(
  Layer.provide(AuditCheckpoints.layer),
  Layer.provideMerge(TestServer),
  Layer.provideMerge(
    testRuntime({
      agents: { agent: scriptedAgent({ answers: "fine" }) },
      router: channels,
      settings: { scheduler: { delivery: { fallback: "none" } } }
    })
  )
)

const ask = (method: "GET" | "POST", path: string, body?: unknown) =>
  Effect.gen(function* () {
    const client = yield* HttpClient.HttpClient
    const request = HttpClientRequest.make(method)(path).pipe(
      body === undefined ? (same) => same : HttpClientRequest.bodyUnsafeJson(body)
    )
    const response = yield* client.execute(request)
    const text = yield* response.text
    // biome-ignore lint/suspicious/noExplicitAny: what the wire says is what is tested
    const json = (): any => JSON.parse(text)
    return { status: response.status, headers: response.headers, text, json }
  }).pipe(Effect.scoped, Effect.orDie)

/** Runs a job by hand, and waits for the ends of its deliveries. */
const delivered = (name: string) =>
  Effect.gen(function* () {
    const fields = { name, agent_id: "agent", every: "100d", delivery: ["stdout", "slack"], slack_channel: "#ops" }
    yield* ask("POST", "/api/v1/schedule", fields)
    yield* ask("POST", `/api/v1/schedule/${name}/run`)
    const isEnded = ({ state }: { readonly state: string }) => state !== "pending"
    yield* Effect.repeat(ask("GET", `/api/v1/deliveries?job=${name}`), {
      until: ({ json }): boolean => json().length === 2 && json().every(isEnded)
    })
  })

layer(service, { excludeTestServices: true })("the API about deliveries", (it) => {
  it.effect("lists them, a page at a time, by state, channel and job", () =>
    Effect.gen(function* () {
      yield* delivered("listed")
      const failed = (yield* ask("GET", "/api/v1/deliveries?job=listed&state=failed")).json()
      assert.lengthOf(failed, 1)
      assert.deepInclude(failed[0], {
        job_name: "listed",
        channel: "slack",
        destination: "slack #ops",
        kind: "output",
        state: "failed",
        attempts: 1,
        error: "no such channel",
        next_attempt_at: null
      })
      assert.match(failed[0].created_at, /^\d{4}-\S+Z$/)
      assert.deepStrictEqual((yield* ask("GET", `/api/v1/deliveries/${failed[0].id}`)).json(), failed[0])
      const first = yield* ask("GET", "/api/v1/deliveries?job=listed&limit=1")
      const next = /^<([^>]+)>; rel="next"$/.exec(first.headers["link"] ?? "")?.[1] ?? ""
      const second = yield* ask("GET", next)
      assert.deepStrictEqual([...first.json(), ...second.json()].map(({ channel }) => channel).sort(), [
        "slack",
        "stdout"
      ])
      assert.strictEqual((yield* ask("GET", "/api/v1/deliveries?job=listed&channel=email")).text, "[]")
    })
  )

  it.effect("sends one again, and all that failed", () =>
    Effect.gen(function* () {
      working = false
      yield* delivered("again")
      const [lost] = (yield* ask("GET", "/api/v1/deliveries?job=again&state=failed")).json()
      working = true
      const asked = yield* ask("POST", `/api/v1/deliveries/${lost.id}/redeliver`)
      assert.strictEqual(asked.status, 200)
      assert.deepInclude(asked.json(), { id: lost.id, state: "pending", attempts: 0 })
      yield* Effect.repeat(ask("GET", `/api/v1/deliveries/${lost.id}`), {
        until: ({ json }): boolean => json().state === "delivered"
      })
      working = false
      yield* delivered("bulk")
      working = true
      const all = yield* ask("POST", "/api/v1/deliveries/redeliver", { state: "failed", job: "bulk" })
      assert.deepStrictEqual([all.status, all.json()], [200, { count: 1 }])
      const audit = (yield* ask("GET", "/api/v1/audit?type=DeliveryRequeued&limit=1")).json()
      assert.strictEqual(audit[0].actor, "api")
    })
  )

  const refused: ReadonlyArray<readonly [what: string, status: number, code: string, ...Parameters<typeof ask>]> = [
    ["a delivery that never was", 404, "DELIVERY_NOT_FOUND", "GET", "/api/v1/deliveries/dlv_x"],
    ["sending it again", 404, "DELIVERY_NOT_FOUND", "POST", "/api/v1/deliveries/dlv_x/redeliver"],
    ["a job that is not there", 404, "JOB_NOT_FOUND", "GET", "/api/v1/deliveries?job=nowhere"],
    ["a state that is none", 400, "INVALID_REQUEST", "GET", "/api/v1/deliveries?state=lost"],
    ["a channel that is none", 400, "INVALID_REQUEST", "GET", "/api/v1/deliveries?channel=pigeon"],
    ["a key that is none", 400, "INVALID_REQUEST", "GET", "/api/v1/deliveries?jobs=a"],
    ["all that arrived", 400, "INVALID_REQUEST", "POST", "/api/v1/deliveries/redeliver", { state: "delivered" }],
    ["all, without a state", 400, "INVALID_REQUEST", "POST", "/api/v1/deliveries/redeliver", {}]
  ]
  for (const [what, status, code, ...request] of refused) {
    it.effect(`refuses ${what}`, () =>
      Effect.gen(function* () {
        const answer = yield* ask(...request)
        assert.deepStrictEqual([answer.status, answer.json().code], [status, code])
      })
    )
  }

  it.effect("counts in the metrics what is not made", () =>
    Effect.gen(function* () {
      working = false
      yield* delivered("counted")
      const lost = (yield* ask("GET", "/api/v1/deliveries?state=failed")).json().length
      const { text } = yield* ask("GET", "/metrics")
      assert.include(text, `symbiont_delivery_undelivered{state="failed"} ${lost}\n`)
      assert.include(text, `symbiont_delivery_undelivered{state="dead"} 0\n`)
      assert.include(text, "symbiont_delivery_pending 0\n")
      assert.include(text, "symbiont_delivery_oldest_pending_seconds 0\n")
    })
  )
})
