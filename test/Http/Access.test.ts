import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as OpenApi from "@effect/platform/OpenApi"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import { Api, Authorized, RequiredScope } from "../../src/Api.ts"
import { AuditCheckpoints } from "../../src/AuditLog.ts"
import { allows, Scope } from "../../src/Domain/Key.ts"
import { HttpLive } from "../../src/Http.ts"
import { scriptedAgent, type TestSettings, testRuntime } from "../../src/testing.ts"
import { audited } from "../support/Audit.ts"
import { TestServer } from "../support/TestServer.ts"

const service = (server: TestSettings["server"] = {}) =>
  HttpLive.pipe(
    Layer.provideMerge(TestServer),
    Layer.provide(AuditCheckpoints.layer),
    Layer.provideMerge(testRuntime({ agents: { quick: scriptedAgent({}) }, settings: { server } }))
  )

type Method = "GET" | "POST" | "PUT" | "DELETE"

const ask = (method: Method, path: string, options: { headers?: Record<string, string>; body?: unknown } = {}) =>
  Effect.gen(function* () {
    const client = yield* HttpClient.HttpClient
    const request = HttpClientRequest.make(method)(path).pipe(
      HttpClientRequest.setHeaders(options.headers ?? {}),
      options.body === undefined
        ? (same) => same
        : HttpClientRequest.setBody(HttpBody.text(JSON.stringify(options.body), "application/json"))
    )
    const response = yield* client.execute(request)
    const text = yield* response.text
    // biome-ignore lint/suspicious/noExplicitAny: what the wire says is what is tested
    const json: any = /json/.test(response.headers["content-type"] ?? "") ? JSON.parse(text) : undefined
    return { status: response.status, headers: response.headers, text, json }
  }).pipe(Effect.scoped, Effect.orDie)

const bearer = (key: string) => ({ authorization: `Bearer ${key}` })

/** A key for each scope. */
const keyFor = (scope: Scope) => `${scope}-${"0123456789".repeat(4)}`
const configured = Scope.literals.map((scope) => `${scope}er:${keyFor(scope)}:${scope}`)
const admin = bearer(keyFor("admin"))

interface Endpoint {
  readonly method: Method
  readonly path: string
  readonly scope: Scope | "nothing" | undefined
  readonly guarded: boolean
}

const endpoints: Array<Endpoint> = []
HttpApi.reflect(Api, {
  onGroup: () => undefined,
  onEndpoint: ({ endpoint, mergedAnnotations, middleware }) => {
    endpoints.push({
      method: endpoint.method as Method,
      path: endpoint.path,
      scope: Option.getOrUndefined(Context.getOption(mergedAnnotations, RequiredScope)),
      guarded: [...middleware].some(({ key }) => key === Authorized.key)
    })
  }
})

const open = ["GET /api/v1/health", "GET /openapi.json", "GET /docs"]
const readingPosts = ["POST /api/v1/schedule/preview", "POST /api/v1/audit/verify", "POST /api/v1/audit/checkpoint"]
const nameOf = ({ method, path }: Endpoint) => `${method} ${path}`
const concrete = (path: string) => path.replaceAll(/:\w+/g, "nothing-of-that-name")

describe("every route of the API", () => {
  it("is guarded and says its scope; only three ask for nothing, and only reading asks for no more than read", () => {
    assert.isAbove(endpoints.length, 20)
    for (const endpoint of endpoints) {
      assert.isTrue(endpoint.guarded, nameOf(endpoint))
      assert.isDefined(endpoint.scope, nameOf(endpoint))
      if (endpoint.scope === "read") {
        assert.isTrue(endpoint.method === "GET" || readingPosts.includes(nameOf(endpoint)), nameOf(endpoint))
      }
      if (/\/(approve|deny)$/.test(endpoint.path)) assert.strictEqual(endpoint.scope, "approve")
      if (endpoint.path.startsWith("/api/v1/keys")) assert.strictEqual(endpoint.scope, "admin")
    }
    assert.deepStrictEqual(endpoints.filter(({ scope }) => scope === "nothing").map(nameOf), open)
  })

  it("tells its scope and how to send a key in the OpenAPI document", () => {
    const spec = OpenApi.fromApi(Api)
    assert.deepStrictEqual(Object.keys(spec.components.securitySchemes), ["bearer", "header"])
    for (const endpoint of endpoints) {
      const item = spec.paths[endpoint.path.replaceAll(/:(\w+)/g, "{$1}")]
      const operation = item?.[endpoint.method.toLowerCase() as "get"]
      if (operation === undefined) continue
      assert.strictEqual({ "x-required-scope": "none", ...operation }["x-required-scope"], endpoint.scope)
      assert.lengthOf(operation.security, endpoint.scope === "nothing" ? 0 : 2, nameOf(endpoint))
      for (const status of ["401", "403", "429"]) assert.property(operation.responses, status)
    }
  })

  it.effect("answers 401 without a key and with a wrong one, 403 below its scope, and neither with it", () =>
    Effect.gen(function* () {
      for (const endpoint of endpoints) {
        const { method, scope = "admin" } = endpoint
        const path = concrete(endpoint.path)
        const body = method === "GET" ? {} : { body: {} }
        const without = yield* ask(method, path, body)
        if (scope === "nothing") {
          assert.strictEqual(without.status, 200, nameOf(endpoint))
          assert.strictEqual((yield* ask(method, path, { headers: bearer("wrong") })).status, 200)
          continue
        }
        assert.strictEqual(without.status, 401, nameOf(endpoint))
        assert.strictEqual(without.headers["www-authenticate"], `Bearer realm="symbiont"`)
        assert.deepStrictEqual([without.json.code, without.json.details], ["UNAUTHORIZED", []])
        yield* TestClock.adjust("6 seconds")
        const wrong = yield* ask(method, path, { headers: bearer("wrong"), ...body })
        assert.deepStrictEqual([wrong.status, wrong.json.code], [401, "UNAUTHORIZED"], nameOf(endpoint))
        for (const has of Scope.literals) {
          const answer = yield* ask(method, path, { headers: { "x-api-key": keyFor(has) }, ...body })
          const where = `${nameOf(endpoint)} with ${has}: ${answer.text}`
          if (allows([has], scope)) {
            assert.notInclude([401, 403, 500], answer.status, where)
          } else {
            assert.strictEqual(answer.status, 403, where)
            assert.strictEqual(answer.json.code, "FORBIDDEN_SCOPE")
            assert.strictEqual(answer.json.error, `this needs the scope ${scope}; the key "${has}er" has ${has}`)
          }
        }
      }
    }).pipe(Effect.provide(service({ api_keys: configured, rate_limit: 0 })))
  )
})

describe("the API with keys", () => {
  it.effect("takes one key, in either header", () =>
    Effect.gen(function* () {
      const key = keyFor("read")
      const list = (headers: Record<string, string>) =>
        Effect.map(ask("GET", "/api/v1/schedule", { headers }), ({ status, json }) => [status, json.code])
      const fine = [200, undefined]
      assert.deepStrictEqual(yield* list({ authorization: `bearer  ${key}` }), fine)
      assert.deepStrictEqual(yield* list({ "x-api-key": ` ${key} ` }), fine)
      assert.deepStrictEqual(yield* list({ "x-api-key": key, ...bearer(key) }), fine)
      assert.deepStrictEqual(yield* list({ "x-api-key": keyFor("admin"), ...bearer(key) }), [400, "TWO_CREDENTIALS"])
      const none = [401, "UNAUTHORIZED"]
      for (const authorization of ["", "Bearer", key, `Basic ${key}`, `Bearer ${key} ${key}`, `Bearer,${key}`]) {
        assert.deepStrictEqual(yield* list({ authorization }), none, authorization)
      }
      assert.deepStrictEqual(yield* list({ "x-api-key": "" }), none)
      assert.strictEqual((yield* ask("GET", `/api/v1/schedule?api_key=${key}`)).status, 401)
    }).pipe(Effect.provide(service({ api_keys: configured })))
  )

  it.effect("answers under any host name, but to no page of another site", () =>
    Effect.gen(function* () {
      const at = (headers: Record<string, string>) =>
        Effect.map(ask("GET", "/api/v1/schedule", { headers: { ...admin, ...headers } }), ({ status }) => status)
      assert.strictEqual(yield* at({ host: "symbi.example:8080" }), 200)
      assert.strictEqual(yield* at({ host: "symbi.example", origin: "https://symbi.example" }), 200)
      assert.strictEqual(yield* at({ host: "symbi.example", origin: "https://evil.example" }), 403)
    }).pipe(Effect.provide(service({ api_keys: configured })))
  )

  it.effect("answers 429 with Retry-After to a key that asks too much, and to an address that guesses", () =>
    Effect.gen(function* () {
      const list = (headers: Record<string, string>) => ask("GET", "/api/v1/schedule", { headers })
      for (let n = 0; n < 4; n++) assert.strictEqual((yield* list(admin)).status, 200)
      const limited = yield* list(admin)
      assert.deepStrictEqual([limited.status, limited.json.code], [429, "RATE_LIMITED"])
      assert.strictEqual(limited.headers["retry-after"], "1")
      assert.strictEqual((yield* list(bearer(keyFor("read")))).status, 200, "another key has its own limit")
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* list(admin)).status, 200)

      for (let n = 0; n < 10; n++) assert.strictEqual((yield* list(bearer(`guess-${n}`))).status, 401)
      const guessing = yield* list(bearer("guess"))
      assert.deepStrictEqual([guessing.status, guessing.headers["retry-after"]], [429, "6"])
      assert.notProperty(guessing.headers, "www-authenticate")
      assert.strictEqual((yield* list(admin)).status, 200)
    }).pipe(Effect.provide(service({ api_keys: configured, rate_limit: 2 })))
  )

  it.effect("writes who asked into the audit log", () =>
    Effect.gen(function* () {
      const made = yield* ask("POST", "/api/v1/keys", { headers: admin, body: { name: "ci", scopes: ["operate"] } })
      assert.strictEqual(made.status, 201)
      const job = { name: "j", agent_id: "a", cron_expr: "0 0 1 1 *" }
      const headers = { ...bearer(made.json.secret), "x-symbi-client": "cli" }
      assert.strictEqual((yield* ask("POST", "/api/v1/schedule", { headers, body: job })).status, 201)
      const events = yield* audited({ limit: 2 })
      assert.deepStrictEqual(
        events.map(({ actor, type }) => [type, actor]),
        [
          ["CronJobCreated", made.json.id],
          ["KeyCreated", "config:adminer"]
        ]
      )
    }).pipe(Effect.provide(service({ api_keys: configured })))
  )
})

describe("a key", () => {
  it.effect("decides approvals under its name, and not what it submitted itself", () =>
    Effect.gen(function* () {
      const policy = { require_approval: true, approvers: ["boss", "approveer"] }
      const body = { name: "risky", agent_id: "quick", cron_expr: "0 0 1 1 *", policy }
      const boss = (yield* ask("POST", "/api/v1/keys", {
        headers: admin,
        body: { name: "boss", scopes: ["operate", "approve"] }
      })).json
      const headers = bearer(boss.secret)
      assert.strictEqual((yield* ask("POST", "/api/v1/schedule", { headers, body })).status, 201)
      assert.strictEqual((yield* ask("POST", "/api/v1/schedule/risky/run", { headers })).status, 202)
      const waiting = yield* Effect.zipRight(
        TestClock.adjust("1 second"),
        ask("GET", "/api/v1/approvals", { headers })
      ).pipe(Effect.repeat({ until: ({ json }) => json.length > 0 }))
      const approve = (key: string) =>
        ask("POST", `/api/v1/approvals/${waiting.json[0].id}/approve`, { headers: bearer(key) })
      const stranger = yield* approve(keyFor("admin"))
      assert.deepStrictEqual([stranger.status, stranger.json.code], [403, "NOT_AN_APPROVER"])
      assert.include(stranger.json.error, "this key is adminer")
      assert.strictEqual((yield* approve(boss.secret)).json.code, "NOT_AN_APPROVER")
      const decided = yield* approve(keyFor("approve"))
      assert.strictEqual(decided.status, 200, decided.text)
      assert.strictEqual(decided.json.decided_by, "config:approveer")
    }).pipe(Effect.provide(service({ api_keys: configured })))
  )
})

describe("keys over HTTP", () => {
  it.effect("close the open service, are listed without secrets, and end when they are revoked", () =>
    Effect.gen(function* () {
      const create = (body: unknown, headers = {}) => ask("POST", "/api/v1/keys", { body, headers })
      const first = yield* create({ name: "ci", scopes: ["operate"] })
      assert.deepStrictEqual([first.status, first.json.code], [400, "INVALID_KEY"])
      assert.deepStrictEqual(
        first.json.details.map(({ path }: { path: string }) => path),
        ["scopes"]
      )
      assert.strictEqual((yield* ask("GET", "/api/v1/schedule")).status, 200)

      const ops = (yield* create({ name: "ops", scopes: ["admin"] }, { "x-symbi-client": "cli" })).json
      assert.deepInclude(ops, { created_by: "cli", created_at: "1970-01-01T00:00:00.000Z", expires_at: null })
      assert.strictEqual((yield* ask("GET", "/api/v1/schedule")).status, 401)
      const headers = bearer(ops.secret)
      const ci = (yield* create({ name: "ci", scopes: ["operate"], expires_in: "90d" }, headers)).json
      assert.strictEqual(ci.expires_at, "1970-04-01T00:00:00.000Z")
      assert.strictEqual((yield* create({ name: "ci", scopes: ["read"] }, headers)).json.code, "KEY_NAME_TAKEN")

      const listed = yield* ask("GET", "/api/v1/keys", { headers })
      assert.deepStrictEqual(
        listed.json.map(({ name }: { name: string }) => name),
        ["ops", "ci"]
      )
      assert.notMatch(listed.text, /secret|hash|symbi_/)

      const last = yield* ask("DELETE", "/api/v1/keys/ops", { headers })
      assert.deepStrictEqual([last.status, last.json.code], [409, "LAST_ADMIN_KEY"])
      const revoked = yield* ask("DELETE", `/api/v1/keys/${ci.id}`, { headers })
      assert.deepInclude(revoked.json, { id: ci.id, revoked_at: "1970-01-01T00:00:00.000Z" })
      assert.strictEqual((yield* ask("GET", "/api/v1/schedule", { headers: bearer(ci.secret) })).status, 401)
      assert.strictEqual((yield* ask("DELETE", "/api/v1/keys/ci", { headers })).json.code, "KEY_NOT_FOUND")
      assert.lengthOf((yield* ask("GET", "/api/v1/keys?all=true", { headers })).json, 2)
      assert.lengthOf((yield* ask("GET", "/api/v1/keys", { headers })).json, 1)
    }).pipe(Effect.provide(service()))
  )

  it.effect("are refused with the place of what is wrong", () =>
    Effect.gen(function* () {
      const cases: ReadonlyArray<readonly [unknown, string]> = [
        [{ scopes: ["read"] }, "name"],
        [{ name: "a b", scopes: ["read"] }, "name"],
        [{ name: "key_1", scopes: ["read"] }, "name"],
        [{ name: "n", scopes: [] }, "scopes.0"],
        [{ name: "n", scopes: ["write"] }, "scopes.0"],
        [{ name: "n", scopes: ["read"], expires_in: "soon" }, "expires_in"],
        [{ name: "n", scopes: ["read"], expires_at: "1969-01-01T00:00:00Z" }, "expires_at"],
        [{ name: "n", scopes: ["read"], scope: "read" }, "scope"]
      ]
      for (const [body, path] of cases) {
        const { json, status } = yield* ask("POST", "/api/v1/keys", { headers: admin, body })
        assert.strictEqual(status, 400, path)
        assert.deepStrictEqual(
          json.details.map((issue: { path: string }) => issue.path),
          [path],
          JSON.stringify(json)
        )
      }
    }).pipe(Effect.provide(service({ api_keys: configured })))
  )
})

describe("every answer", () => {
  it.effect("carries the security headers, errors too", () =>
    Effect.gen(function* () {
      const answers = yield* Effect.all([
        ask("GET", "/api/v1/health"),
        ask("GET", "/docs"),
        ask("GET", "/nowhere"),
        ask("DELETE", "/api/v1/health"),
        ask("GET", "/api/v1/schedule"),
        ask("GET", "/api/v1/schedule", { headers: { ...admin, origin: "https://evil.example" } }),
        ask("POST", "/api/v1/schedule", { headers: admin, body: { name: "x".repeat(1_100_000) } }),
        ask("POST", "/api/v1/schedule", { headers: admin, body: {} })
      ])
      assert.deepStrictEqual(
        answers.map(({ status }) => status),
        [200, 200, 404, 405, 401, 403, 413, 400]
      )
      for (const { headers, status } of answers) {
        assert.deepInclude(
          { ...headers },
          {
            "cache-control": "no-store",
            "referrer-policy": "no-referrer",
            "x-content-type-options": "nosniff",
            "x-frame-options": "DENY"
          },
          String(status)
        )
        assert.match(headers["content-security-policy"] ?? "", /^default-src 'none';.*frame-ancestors 'none'$/)
      }
    }).pipe(Effect.provide(service({ api_keys: configured })))
  )
})
