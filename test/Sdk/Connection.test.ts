import { once } from "node:events"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { inspect } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import { type ClientOptions, SymbiontClient, SymbiontError } from "../../src/Sdk.ts"

const baseUrl = "http://symbiont.test"

interface Sent {
  readonly url: string
  readonly method: string | undefined
  readonly headers: Headers
  readonly redirect: string | undefined
}

type Answer = () => Response | Promise<Response>

/** A service that gives these answers in turn, and the last one for ever after. */
const scripted = (...answers: ReadonlyArray<Answer>) => {
  const sent: Array<Sent> = []
  const fetch: typeof globalThis.fetch = async (url, init = {}) => {
    sent.push({ url: String(url), method: init.method, headers: new Headers(init.headers), redirect: init.redirect })
    const answer = answers[Math.min(sent.length, answers.length) - 1]
    if (answer === undefined) throw new Error("no answer is left")
    return await answer()
  }
  return { sent, client: (options: Partial<ClientOptions> = {}) => new SymbiontClient({ baseUrl, fetch, ...options }) }
}

const json = (body: unknown, status = 200, headers: Record<string, string> = {}): Answer => {
  return () =>
    new Response(JSON.stringify(body), { status, headers: { "content-type": "application/json", ...headers } })
}
const error = (status: number, code: string, headers: Record<string, string> = {}) =>
  json({ error: `it is ${code}`, code, details: [] }, status, headers)
const jobs = json([{ id: "job_1" }])
const run = json({ id: "run_1", status: "pending" }, 202)
const lost: Answer = () => Promise.reject(new TypeError("fetch failed", { cause: { code: "ECONNRESET" } }))
const never: Answer = () => new Promise(() => {})

const refused = async (call: Promise<unknown>): Promise<SymbiontError> => {
  try {
    await call
  } catch (error) {
    assert.instanceOf(error, SymbiontError)
    return error as SymbiontError
  }
  return assert.fail("the call was answered")
}

describe("the requests of a SymbiontClient", () => {
  it("carry the key as a bearer, and go where the base URL says", async () => {
    const { client, sent } = scripted(jobs)
    await client({ apiKey: "secret", baseUrl: "http://symbiont.test/behind/proxy/" }).schedule.list({ agentId: "a b" })
    const [request] = sent
    assert.strictEqual(request?.url, "http://symbiont.test/behind/proxy/api/v1/schedule?agent_id=a+b")
    assert.strictEqual(request?.headers.get("authorization"), "Bearer secret")
    assert.isNull(request?.headers.get("traceparent") ?? null)
  })

  it("carry no key when there is none", async () => {
    const { client, sent } = scripted(jobs)
    await client({ apiKey: "" }).schedule.list()
    await client({ apiKey: undefined }).schedule.list()
    assert.deepStrictEqual(
      sent.map(({ headers }) => headers.get("authorization")),
      [null, null]
    )
  })

  it("are not made with options that cannot be, and no error tells the key", () => {
    const wrong: ReadonlyArray<Partial<ClientOptions>> = [
      { baseUrl: "localhost:8080" },
      { baseUrl: "" },
      { baseUrl: "ftp://x" },
      { baseUrl: "http://me:secret@symbiont.test" },
      { baseUrl: "http://secret@symbiont.test" },
      { baseUrl: "me:secret@symbiont.test" },
      { baseUrl: "http://symbiont.test/?key=secret" },
      { baseUrl: "http://symbiont.test#secret" },
      { apiKey: "top secret" },
      { apiKey: "sécret" },
      { apiKey: "secret\n" },
      { timeoutMs: -1 },
      { timeoutMs: Number.NaN },
      { retries: -1 }
    ]
    for (const options of wrong) {
      try {
        new SymbiontClient({ baseUrl, ...options })
        assert.fail(`accepted ${JSON.stringify(options)}`)
      } catch (error) {
        assert.instanceOf(error, SymbiontError, inspect(options))
        assert.strictEqual((error as SymbiontError).code, "INVALID_OPTIONS")
        assert.notInclude(inspect(error), "secret")
      }
    }
  })

  it("do not show the key when a client is printed", () => {
    assert.notInclude(inspect(new SymbiontClient({ baseUrl, apiKey: "hush-hush" }), { depth: 9 }), "hush-hush")
  })

  it("are refused here when they are no JSON", async () => {
    const { client, sent } = scripted(jobs)
    const failed = await refused(client().schedule.create({ name: "x", agentId: "a", maxRetries: 1n as never }))
    assert.deepStrictEqual([failed.code, sent.length], ["INVALID_REQUEST", 0])
  })

  it("are refused here when a header or an address cannot hold what was given", async () => {
    const { client, sent } = scripted(run)
    const { schedule } = client()
    for (const idempotencyKey of ["日本", "é", "a\nb", "a\u0000"]) {
      const failed = await refused(schedule.runNow("x", { idempotencyKey }))
      assert.strictEqual(failed.code, "INVALID_REQUEST")
      assert.include(failed.message, `${JSON.stringify(idempotencyKey)} cannot be sent as idempotency-key`)
    }
    const version = await refused(schedule.update("x", {}, { ifVersion: "1\r\nX: y" as never }))
    assert.include(version.message, "cannot be sent as if-match")
    const half = await refused(schedule.get("\ud800"))
    assert.deepStrictEqual(
      [half.code, half.message],
      ["INVALID_REQUEST", '"\\ud800" cannot stand for job_id; give an id']
    )
    assert.strictEqual(sent.length, 0)
  })

  it("say instants that are dates as ISO 8601 text", async () => {
    const { client, sent } = scripted(json([]))
    await client().audit.query({ since: new Date("2026-02-15T00:00:00Z") as never })
    assert.strictEqual(new URL(sent[0]?.url ?? "").searchParams.get("since"), "2026-02-15T00:00:00.000Z")
  })
})

describe("answers to a SymbiontClient", () => {
  it("keep keys and values that only a newer service knows", async () => {
    const newer = { id: "job_1", status: "hibernating", moods: [{ calm: true }], next_run: "2026-02-15T00:00:00.000Z" }
    const { client } = scripted(json(newer))
    assert.deepStrictEqual<unknown>(await client().schedule.get("job_1"), newer)
  })

  it("are one of health also with 503", async () => {
    const { client, sent } = scripted(json({ status: "unhealthy", active_jobs: 0 }, 503))
    assert.strictEqual((await client().schedule.health()).status, "unhealthy")
    assert.strictEqual(sent.length, 1)
  })

  it("that are not the service's are named so", async () => {
    const html = (status: number) => () => new Response("<h1>nginx</h1>", { status, headers: { server: "nginx" } })
    for (const status of [200, 404, 500]) {
      const failed = await refused(scripted(html(status)).client().schedule.get("x"))
      assert.deepStrictEqual([failed.code, failed.status], ["UNEXPECTED_ANSWER", status])
      assert.strictEqual(
        failed.message,
        `what answers at ${baseUrl} is not a Symbiont Scheduler (HTTP ${status}); check baseUrl`
      )
    }
  })

  it("that redirect are not followed: the key goes nowhere else", async () => {
    const elsewhere = () => new Response(null, { status: 307, headers: { location: "https://elsewhere.test/api" } })
    const { client, sent } = scripted(elsewhere)
    const failed = await refused(client({ apiKey: "secret" }).schedule.list())
    assert.deepStrictEqual([failed.code, failed.status], ["REDIRECTED", 307])
    assert.include(failed.message, "https://elsewhere.test/api")
    assert.deepStrictEqual(
      sent.map(({ redirect }) => redirect),
      ["manual"]
    )
  })

  it("lead from page to page by their Link header, and stop when the caller does", async () => {
    const link = (cursor: string) => ({ link: `</api/v1/schedule?limit=2&cursor=${cursor}>; rel="next"` })
    const pages = [
      json([{ id: 1 }, { id: 2 }], 200, link("c%2B1")),
      json([{ id: 3 }], 200, link("c2")),
      json([{ id: 4 }])
    ]
    const { client, sent } = scripted(...pages)
    const all: Array<unknown> = []
    for await (const { id } of client().schedule.listAll({ limit: 2, label: "x" })) all.push(id)
    assert.deepStrictEqual(all, [1, 2, 3, 4])
    assert.deepStrictEqual(
      sent.map(({ url }) => new URL(url).search),
      ["?limit=2&label=x", "?limit=2&label=x&cursor=c%2B1", "?limit=2&label=x&cursor=c2"]
    )
    const again = scripted(...pages)
    for await (const { id } of again.client().schedule.listAll()) if (String(id) === "2") break
    assert.strictEqual(again.sent.length, 1)
  })
})

describe("a SymbiontClient without an answer", () => {
  it("says that nobody listens", async () => {
    const server = createServer().listen(0, "127.0.0.1")
    await once(server, "listening")
    const { port } = server.address() as AddressInfo
    server.close()
    await once(server, "close")
    const failed = await refused(
      new SymbiontClient({ baseUrl: `http://127.0.0.1:${port}`, retries: 0 }).schedule.list()
    )
    assert.deepStrictEqual([failed.code, failed.status, failed.details], ["CONNECTION_FAILED", undefined, []])
    assert.strictEqual(
      failed.message,
      `no service answers at http://127.0.0.1:${port} (ECONNREFUSED); start one with \`symbi up\`, or check baseUrl`
    )
    assert.include(failed.stack ?? "", "Connection.test.ts")
  })

  it("gives up in time, and ends the request", async () => {
    const open: Array<string> = []
    const server = createServer((request) => {
      open.push("opened")
      request.on("close", () => open.push("closed"))
    }).listen(0, "127.0.0.1")
    await once(server, "listening")
    const { port } = server.address() as AddressInfo
    const client = new SymbiontClient({ baseUrl: `http://127.0.0.1:${port}`, timeoutMs: 200 })
    const failed = await refused(client.schedule.list())
    assert.deepStrictEqual([failed.code, failed.status], ["TIMEOUT", undefined])
    assert.include(failed.message, "did not answer within 200 ms")
    const sooner = await refused(client.schedule.pause("x", { timeoutMs: 100 }))
    assert.include(sooner.message, "within 100 ms")
    server.close()
    await once(server, "close")
    assert.deepStrictEqual(open.sort(), ["closed", "closed", "opened", "opened"])
  })

  it("takes the time-outs of fetch itself for what they are", async () => {
    const timeout = Object.assign(new Error("Headers Timeout Error"), { code: "UND_ERR_HEADERS_TIMEOUT" })
    const { client } = scripted(() => Promise.reject(new TypeError("fetch failed", { cause: timeout })))
    assert.strictEqual((await refused(client().schedule.list())).code, "TIMEOUT")
  })

  it("can be aborted, before and while it asks", async () => {
    const { client, sent } = scripted(never)
    const before = await refused(client().schedule.list({}, { signal: AbortSignal.abort("no need") }))
    assert.deepStrictEqual([before.code, before.cause], ["ABORTED", "no need"])
    const controller = new AbortController()
    const call = refused(client().schedule.runNow("x", { wait: true }, { signal: controller.signal }))
    controller.abort()
    assert.strictEqual((await call).code, "ABORTED")
    const iterated = new AbortController()
    const list = client().schedule.listAll({}, { signal: iterated.signal })
    const first = refused(list.next())
    iterated.abort()
    assert.strictEqual((await first).code, "ABORTED")
    assert.isAtMost(sent.length, 3)
  })

  it("can be aborted while it waits for the end of a run", async () => {
    const controller = new AbortController()
    const { client, sent } = scripted(run, () => {
      queueMicrotask(() => controller.abort())
      return Response.json({ id: "run_1", status: "running" })
    })
    const failed = await refused(client().schedule.runNow("x", { wait: true }, { signal: controller.signal }))
    assert.strictEqual(failed.code, "ABORTED")
    assert.strictEqual(sent.length, 2)
  })
})

describe("a SymbiontClient asks again", () => {
  const soon = { "retry-after": "0" }

  it("when reading fails in a way that may pass, twice unless told otherwise", async () => {
    for (const passing of [
      lost,
      error(503, "BUSY"),
      error(429, "RATE_LIMITED", soon),
      error(502, "X"),
      error(504, "X")
    ]) {
      const { client, sent } = scripted(passing, passing, jobs)
      assert.strictEqual((await client().schedule.list()).length, 1)
      assert.strictEqual(sent.length, 3)
      const given = scripted(passing, jobs)
      await refused(given.client({ retries: 0 }).schedule.list())
      assert.strictEqual(given.sent.length, 1)
    }
    const { client, sent } = scripted(lost)
    assert.strictEqual((await refused(client({ retries: 1 }).schedule.list())).code, "CONNECTION_FAILED")
    assert.strictEqual(sent.length, 2)
  })

  it("not when the answer would be the same", async () => {
    for (const status of [400, 401, 403, 404, 409, 500, 507]) {
      const { client, sent } = scripted(error(status, "X"))
      assert.strictEqual((await refused(client().schedule.list())).status, status)
      assert.strictEqual(sent.length, 1, String(status))
    }
  })

  it("for a run only under an idempotency key, which stays the same", async () => {
    const keyed = scripted(lost, run)
    await keyed.client().schedule.runNow("x", { input: "i", idempotencyKey: "k" })
    assert.deepStrictEqual(
      keyed.sent.map(({ headers, method }) => [method, headers.get("idempotency-key")]),
      [
        ["POST", "k"],
        ["POST", "k"]
      ]
    )
    const bare = scripted(lost, run)
    assert.strictEqual((await refused(bare.client().schedule.runNow("x"))).code, "CONNECTION_FAILED")
    assert.strictEqual(bare.sent.length, 1)
  })

  it("not for what may have been done already", async () => {
    const calls: ReadonlyArray<(client: SymbiontClient) => Promise<unknown>> = [
      ({ schedule }) => schedule.create({ name: "x", agentId: "a" }),
      ({ schedule }) => schedule.update("x", {}),
      ({ schedule }) => schedule.delete("x"),
      ({ schedule }) => schedule.pause("x"),
      ({ agents }) => agents.run("x")
    ]
    for (const call of calls) {
      for (const answer of [lost, error(503, "SHUTTING_DOWN"), error(429, "RATE_LIMITED")]) {
        const { client, sent } = scripted(answer, jobs)
        await refused(call(client()))
        assert.strictEqual(sent.length, 1)
      }
    }
  })

  it("for anything, when the service says when", async () => {
    for (const status of [429, 503]) {
      const { client, sent } = scripted(error(status, "RATE_LIMITED", soon), json({ id: "job_1" }))
      assert.strictEqual((await client().schedule.pause("x")).id, "job_1")
      assert.strictEqual(sent.length, 2)
    }
  })

  it("for what may have been done only when the service itself says that it was not", async () => {
    const proxy = () => new Response("<h1>busy</h1>", { status: 503, headers: soon })
    const bare = scripted(proxy, json({ id: "job_1" }))
    assert.strictEqual((await refused(bare.client().schedule.pause("x"))).code, "UNEXPECTED_ANSWER")
    assert.strictEqual(bare.sent.length, 1)
    const read = scripted(proxy, jobs)
    assert.strictEqual((await read.client().schedule.list()).length, 1)
    const limited = scripted(() => new Response("slow down", { status: 429, headers: soon }), json({ id: "job_1" }))
    assert.strictEqual((await limited.client().schedule.pause("x")).id, "job_1")
  })

  it("not when it would have to wait for more than a minute; the error says how long", async () => {
    const { client, sent } = scripted(error(429, "RATE_LIMITED", { "retry-after": "61" }))
    const failed = await refused(client().schedule.list())
    assert.deepStrictEqual([failed.code, failed.retryAfter, sent.length], ["RATE_LIMITED", 61, 1])
  })
})
