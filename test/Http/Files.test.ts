import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { AuditCheckpoints } from "../../src/AuditLog.ts"
import { HttpLive } from "../../src/Http.ts"
import { testRuntime } from "../../src/testing.ts"
import { TestServer } from "../support/TestServer.ts"

const service = HttpLive.pipe(
  Layer.provide(AuditCheckpoints.layer),
  Layer.provideMerge(TestServer),
  Layer.provideMerge(testRuntime())
)

const ask = (method: "GET" | "POST", path: string, body?: unknown) =>
  Effect.gen(function* () {
    const client = yield* HttpClient.HttpClient
    const request = HttpClientRequest.make(method)(`/api/v1${path}`).pipe(
      body === undefined ? (same) => same : HttpClientRequest.bodyUnsafeJson(body)
    )
    const response = yield* client.execute(request)
    const text = yield* response.text
    const type = response.headers["content-type"] ?? ""
    // biome-ignore lint/suspicious/noExplicitAny: what the wire says is what is tested
    const json: any = type.includes("json") ? JSON.parse(text) : undefined
    return { status: response.status, type, text, json }
  }).pipe(Effect.scoped, Effect.orDie)

const mebibyte = 1_048_576
const block = (name: string) => `schedule { name: "${name}" agent: "nobody" cron: "0 0 1 1 *" }\n`
const send = (text: string, more: object = {}) =>
  ask("POST", "/apply", { files: [{ path: "a.symbi", text }], source: "ops", ...more })

layer(service)("the routes about files", (it) => {
  it.effect("apply, and export as text and as JSON", () =>
    Effect.gen(function* () {
      const dry = yield* send(block("a"), { dry_run: true })
      assert.strictEqual(dry.status, 200)
      assert.deepInclude(dry.json.created[0], { name: "a", job_id: null, next_before: [] })
      assert.match(dry.json.created[0].next_after.join(), /^(\d{4}-01-01T00:00:00\.000Z,?){3}$/)
      assert.strictEqual((yield* ask("GET", "/schedule/a")).status, 404)

      const done = yield* send(block("a"))
      assert.match(done.json.created[0].job_id, /^job_/)
      assert.strictEqual((yield* ask("GET", "/schedule/a")).json.source_file, "ops/a.symbi")
      assert.deepStrictEqual((yield* send(block("a"))).json.unchanged, ["a"])

      const text = yield* ask("GET", "/export")
      assert.deepStrictEqual([text.status, text.type], [200, "text/plain; charset=utf-8"])
      assert.include(text.text, '# from ops/a.symbi\nschedule {\n  name: "a"\n  agent: "nobody"\n')
      const json = yield* ask("GET", "/export?format=json")
      assert.deepInclude(json.json[0], { name: "a", agent_id: "nobody", cron_expr: "0 0 1 1 *" })
      assert.notProperty(json.json[0], "id")
      assert.strictEqual((yield* ask("GET", "/export?format=yaml")).status, 400)
    })
  )

  it.effect("refuse files with errors, each error with its place", () =>
    Effect.gen(function* () {
      const refused = yield* send(`${block("b")}schedule { name: "c" agent: "x" cron: "61 * * * *" }\n`)
      assert.deepStrictEqual([refused.status, refused.json.code], [400, "INVALID_FILES"])
      assert.deepStrictEqual(refused.json.details, [
        { path: "a.symbi:2:39", message: "'cron': minute: 61 is out of range 0-59" }
      ])
      assert.strictEqual((yield* ask("GET", "/schedule/b")).status, 404)
      const unknown = yield* send("", { prnue: true })
      assert.deepStrictEqual(unknown.json.details, [{ path: "prnue", message: 'unknown key; did you mean "prune"?' }])
      const reserved = yield* send("", { source: "agents" })
      assert.deepStrictEqual([reserved.status, reserved.json.details[0].path], [400, "source"])
    })
  )

  it.effect("take 64 MiB, while the other routes take one", () =>
    Effect.gen(function* () {
      const big = `# ${'"\\'.repeat(2 * mebibyte)}\n${block("big")}`
      assert.deepStrictEqual((yield* send(big)).json.created[0].name, "big")
      const tooBig = yield* send("#".repeat(64 * mebibyte))
      assert.deepStrictEqual([tooBig.status, tooBig.json.code], [413, "BODY_TOO_LARGE"])
      assert.include(tooBig.json.error, "64 MiB")
      const other = yield* ask("POST", "/schedule", { name: "x".repeat(mebibyte) })
      assert.strictEqual(other.status, 413)
      assert.include(other.json.error, "1 MiB")
    })
  )
})
