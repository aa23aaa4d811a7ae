import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpServer from "@effect/platform/HttpServer"
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { AuditCheckpoints } from "../../src/AuditLog.ts"
import { HttpLive } from "../../src/Http.ts"
import { scriptedAgent, testRuntime } from "../../src/testing.ts"
import { symbi } from "../support/Symbi.ts"
import { TestServer } from "../support/TestServer.ts"

/** The API over the real engine, on a free port and the real clock. */
const service = HttpLive.pipe(
  Layer.provide(AuditCheckpoints.layer),
  Layer.provideMerge(TestServer),
  Layer.provideMerge(testRuntime({ agents: { agent: scriptedAgent({}) } }))
)

const ask = (method: "GET" | "POST", path: string, body?: unknown) =>
  Effect.gen(function* () {
    const client = yield* HttpClient.HttpClient
    const request = HttpClientRequest.make(method)(`/api/v1/schedule${path}`)
    const response = yield* client.execute(
      body === undefined ? request : HttpClientRequest.bodyUnsafeJson(request, body)
    )
    // biome-ignore lint/suspicious/noExplicitAny: what the wire says is what is tested
    return { status: response.status, body: (yield* response.json) as any }
  }).pipe(Effect.scoped, Effect.orDie)

const add = (name: string, fields: object) => ask("POST", "", { name, agent_id: "agent", delivery: [], ...fields })

const cli = (...words: ReadonlyArray<string>) =>
  Effect.flatMap(HttpServer.HttpServer, ({ address }) =>
    symbi(words, {
      env: { SYMBI_SERVER: address._tag === "TcpAddress" ? `http://127.0.0.1:${address.port}` : "" }
    })
  )

layer(service, { excludeTestServices: true })("previews over HTTP", (it) => {
  it.effect("tell when a trigger fires, in its zone, in words, with notes; nothing is stored", () =>
    Effect.gen(function* () {
      const { body, status } = yield* ask("POST", "/preview", {
        cron_expr: "30 2 * * *",
        timezone: "America/New_York",
        dst: { gap: "run_after" },
        from: "2026-03-07T12:00:00+01:00",
        count: 2,
        max_jitter: 60,
        policy: { allowed_hours: { start: "00:00", end: "07:00" } }
      })
      assert.strictEqual(status, 200)
      assert.deepStrictEqual(body, {
        description: "At 02:30",
        timezone: "America/New_York",
        upcoming: ["2026-03-08T07:00:00.000Z", "2026-03-09T06:30:00.000Z"],
        local: ["2026-03-08 03:00:00 America/New_York", "2026-03-09 02:30:00 America/New_York"],
        notes: [
          "2026-03-08: 02:30 does not exist in America/New_York (the clock goes from 02:00 to 03:00); it runs at 03:00, 2026-03-08T07:00:00Z",
          "1 of these 2 slots lies outside allowed_hours and would be denied, the first at 2026-03-08T07:00:00Z: it is 07:00 UTC; allowed from 00:00 until before 07:00 UTC",
          "each start is delayed by 0 to 1m (jitter), never past the next slot; the delay of a slot is the same whenever it is asked"
        ]
      })
      assert.lengthOf((yield* ask("POST", "/preview", { every: "1h" })).body.upcoming, 10)
      assert.lengthOf((yield* ask("POST", "/preview", { every: "1s", count: 1000 })).body.local, 1000)
      assert.deepStrictEqual((yield* ask("GET", "?label=none")).body, [])
    })
  )

  it.effect("name each thing that is wrong", () =>
    Effect.gen(function* () {
      const refusals: ReadonlyArray<readonly [object, ReadonlyArray<string>, string]> = [
        [{ cron_expr: "61 9 32 * *" }, ["cron_expr", "cron_expr"], "day-of-month: 32 is out of range 1-31"],
        [{ cron_expr: "0 0 30 2 *" }, ["cron_expr"], "never fires"],
        [{ cron_expr: "* * * * *", count: 0 }, ["count"], "a whole number from 1 to 1000"],
        [{ cron_expr: "* * * * *", count: 1001 }, ["count"], "a whole number from 1 to 1000"],
        [{ cron_expr: "* * * * *", count: 1.5 }, ["count"], ""],
        [{ cron_expr: "* * * * *", cuont: 1 }, ["cuont"], 'did you mean "count"?'],
        [{ cron_expr: "* * * * *", timezone: "Mars/Base" }, ["timezone"], "Mars/Base"],
        [{ cron_expr: "* * * * *", from: "tomorrow" }, ["from"], "ISO 8601"],
        [{ cron_expr: "* * * * *", name: "" }, ["name"], "1 to 200 characters"],
        [{ cron_expr: "* * * * *", max_jitter: -1 }, ["max_jitter"], ""],
        [
          { cron_expr: "* * * * *", policy: { allowed_hours: { start: "9", end: "17:00" } } },
          ["policy.allowed_hours.start"],
          "04:00"
        ],
        [{ every: "10ms" }, ["every"], "the shortest is 1s"],
        [{ every: "1h", at: "2026-01-01T00:00:00Z" }, [""], "exactly one"],
        [{}, [""], "none is set"]
      ]
      for (const [request, paths, text] of refusals) {
        const { body, status } = yield* ask("POST", "/preview", request)
        assert.strictEqual(status, 400, JSON.stringify(request))
        assert.deepStrictEqual(
          body.details.map((detail: { path: string }) => detail.path),
          paths
        )
        assert.include(body.error, text)
      }
    })
  )

  it.effect("of a job have its starts, only when a count is given", () =>
    Effect.gen(function* () {
      const { body: job } = yield* add("spread", { cron_expr: "0 9 * * *", timezone: "Asia/Tokyo", max_jitter: 600 })
      assert.deepStrictEqual((yield* ask("GET", "/spread/next_run")).body, { next_run: job.next_run })
      const { body } = yield* ask("GET", `/${job.id}/next_run?count=3`)
      assert.hasAllKeys(body, ["next_run", "description", "timezone", "upcoming", "local", "starts", "notes"])
      assert.deepStrictEqual([body.next_run, body.timezone], [job.next_run, "Asia/Tokyo"])
      assert.lengthOf(body.upcoming, 3)
      body.starts.forEach((start: string, index: number) => {
        const delay = Date.parse(start) - Date.parse(body.upcoming[index])
        assert.isTrue(delay >= 0 && delay <= 600_000)
        assert.match(body.local[index], /^\d{4}-\d\d-\d\d 09:00:00 Asia\/Tokyo$/)
      })
      yield* ask("POST", "/spread/pause")
      assert.deepStrictEqual((yield* ask("GET", "/spread/next_run")).body, { next_run: null })
      const paused = (yield* ask("GET", "/spread/next_run?count=3")).body
      assert.deepStrictEqual([paused.next_run, paused.upcoming, paused.starts], [null, [], []])
      assert.match(paused.notes[0], /^paused by operator/)
      assert.strictEqual((yield* ask("GET", "/nobody/next_run?count=3")).status, 404)
      assert.strictEqual((yield* ask("GET", "/spread/next_run?count=1001")).status, 400)
    })
  )

  it.effect("of a job on the command line, by name or id", () =>
    Effect.gen(function* () {
      const { body: job } = yield* add("night-shift", {
        cron_expr: "0 3 * * *",
        timezone: "Asia/Tokyo",
        max_jitter: 3_600,
        policy: { allowed_hours: { start: "09:00", end: "17:00" } }
      })
      const { body } = yield* ask("GET", "/night-shift/next_run?count=2")
      const named = yield* cli("cron", "next", "night-shift", "--count", "2")
      assert.strictEqual(named.code, 0, named.stderr)
      const seconds = (text: string) => text.replace(".000Z", "Z")
      assert.strictEqual(
        named.stdout,
        [0, 1]
          .map((n) => `${seconds(body.upcoming[n])}  ${body.local[n]}  starts ${seconds(body.starts[n])}\n`)
          .join("")
      )
      assert.match(
        named.stderr,
        /^At 03:00\nnote: both slots lie outside allowed_hours .*\nnote: each start is delayed by 0 to 1h/
      )
      const byId = yield* cli("cron", "next", job.id, "--count", "2", "--format", "json")
      assert.deepStrictEqual({ ...JSON.parse(byId.stdout), next_run: body.next_run }, body)
      assert.strictEqual(byId.stderr, "")
      yield* ask("POST", "/night-shift/pause")
      const paused = yield* cli("cron", "next", "night-shift")
      assert.deepStrictEqual([paused.code, paused.stdout], [0, ""])
      assert.include(paused.stderr, "symbi cron resume night-shift")
      const nobody = yield* cli("cron", "next", "nobody")
      assert.strictEqual(nobody.code, 3)
      assert.include(nobody.stderr, 'no job with the id or name "nobody"; quote an expression')
      assert.strictEqual((yield* cli("cron", "next", "night-shift", "--tz", "UTC")).code, 2)
    })
  )
})
