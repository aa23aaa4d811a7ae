import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Runtime from "effect/Runtime"
import * as FastCheck from "fast-check"
import { HttpTest } from "./support/HttpTest.ts"

const keys = FastCheck.constantFrom(
  "name",
  "agent_id",
  "cron_expr",
  "every",
  "at",
  "timezone",
  "policy",
  "heartbeat",
  "retry",
  "delivery",
  "labels",
  "input",
  "max_concurrent",
  "count",
  "from",
  "__proto__",
  "other"
)

const json = FastCheck.oneof(
  FastCheck.jsonValue({ maxDepth: 3 }),
  FastCheck.dictionary(
    keys,
    FastCheck.oneof(FastCheck.jsonValue({ maxDepth: 2 }), FastCheck.constantFrom("* * * * *", "5m", "echo", "a", "UTC"))
  )
)

const body = FastCheck.oneof(
  json.map((value) => JSON.stringify(value)),
  FastCheck.string()
)

const routes = FastCheck.constantFrom(
  ["POST", "/api/v1/schedule"],
  ["POST", "/api/v1/schedule/preview"],
  ["PUT", "/api/v1/schedule/a"],
  ["POST", "/api/v1/schedule/a/run"],
  ["POST", "/api/v1/schedule/a/backfill"],
  ["POST", "/api/v1/schedule/a/pause"],
  ["POST", "/api/v1/agents/echo/run"],
  ["GET", "/api/v1/schedule"],
  ["GET", "/api/v1/schedule/a/history"],
  ["GET", "/api/v1/schedule/a/next_run"],
  ["DELETE", "/api/v1/schedule/b"]
) as FastCheck.Arbitrary<readonly ["POST" | "PUT" | "GET" | "DELETE", string]>

const query = FastCheck.array(
  FastCheck.tuple(
    FastCheck.constantFrom("status", "limit", "cursor", "count", "queue", "agent_id", "x"),
    FastCheck.oneof(FastCheck.string(), FastCheck.constantFrom("1", "active", "true"))
  ),
  { maxLength: 3 }
)

const allowed = new Set([200, 201, 202, 400, 404, 405, 409, 415, 502])

layer(HttpTest)("Http", (it) => {
  it.effect("answers whatever is sent with a result or with one clear error, never with a defect", () =>
    Effect.gen(function* () {
      const client = yield* HttpClient.HttpClient
      const run = Runtime.runPromise(yield* Effect.runtime<never>())
      const check = FastCheck.asyncProperty(routes, query, body, ([method, path], params, text) =>
        Effect.gen(function* () {
          const request = HttpClientRequest.make(method)(path).pipe(
            HttpClientRequest.setUrlParams(params),
            method === "GET" ? (same) => same : HttpClientRequest.setBody(HttpBody.text(text, "application/json"))
          )
          const response = yield* client.execute(request)
          const answer = yield* response.json
          assert.isTrue(allowed.has(response.status), `${response.status} ${JSON.stringify(answer)}`)
          if (response.status >= 400) {
            assert.containsAllKeys(answer, ["error", "code", "details"])
            assert.isBelow(JSON.stringify(answer).length, 20_000)
          }
        }).pipe(Effect.scoped, run)
      )
      yield* Effect.promise(() => FastCheck.assert(check, { numRuns: 500 }))
    })
  )
})
