import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import { noAllowedHosts, parseAllowedHosts } from "../../src/Network/AllowedHosts.ts"
import {
  type ClientRules,
  type GuardedRequestOptions,
  makeGuardedClient,
  retryAfterMillis
} from "../../src/Network/GuardedRequest.ts"
import { isPublicAddress } from "../../src/Network/PublicAddress.ts"
import {
  answers,
  answersLate,
  type Behaviour,
  breaksOff,
  endless,
  halfCloses,
  hangs,
  httpReceiver,
  type ReceiverOptions,
  redirects,
  resets,
  sends,
  slowHead,
  stalls
} from "../support/HttpReceiver.ts"

const noNames: ClientRules = {
  resolve: () => Promise.reject(new Error("no name is resolved here")),
  permits: isPublicAddress
}

const onLoopback = Either.getOrThrow(parseAllowedHosts(["127.0.0.1"]))

const atLoopback: ClientRules = {
  ...noNames,
  resolve: () => Promise.resolve([{ address: "127.0.0.1", family: 4 }])
}

const post = (url: string, change: Partial<GuardedRequestOptions> = {}): GuardedRequestOptions => ({
  method: "POST",
  url,
  headers: {},
  body: "hello",
  timeout: 5_000,
  ...change
})

/** A receiver that behaves so, and a client that may reach loopback. */
const setUp = (script: ReadonlyArray<Behaviour>, rules: ClientRules = atLoopback, options: ReceiverOptions = {}) =>
  Effect.gen(function* () {
    const receiver = yield* httpReceiver(script, options)
    const { send } = yield* makeGuardedClient(rules, onLoopback)
    return { receiver, send }
  })

/** Waits, without a clock, for what the other side of a socket will notice. */
const eventually = (condition: () => boolean): Effect.Effect<void> =>
  Effect.suspend(() =>
    condition()
      ? Effect.void
      : Effect.zipRight(
          Effect.async<void>((resume) => void setImmediate(() => resume(Effect.void))),
          eventually(condition)
        )
  )

describe("a guarded request", () => {
  it.scopedLive("is sent whole, and its answer given", () =>
    Effect.gen(function* () {
      const { receiver, send } = yield* setUp([answers(201, "Grüße", { "x-a": "b", "set-cookie": "c=d" })])
      const answer = yield* send(
        post(`${receiver.url}/hook?a=b%20c#d`, { headers: { "X-Sent": "yes" }, body: "héllo" })
      )
      assert.deepStrictEqual([answer.status, answer.body], [201, "Grüße"])
      assert.deepStrictEqual([answer.headers["x-a"], answer.headers["set-cookie"]], ["b", "c=d"])
      const [{ body, headers, method, path } = assert.fail()] = receiver.received
      assert.deepStrictEqual([method, path, body], ["POST", "/hook?a=b%20c", "héllo"])
      assert.deepStrictEqual([headers["x-sent"], headers["content-length"]], ["yes", "6"])
      assert.strictEqual(headers.host, `127.0.0.1:${receiver.port}`)
    })
  )

  it.scopedLive("may be a GET without a body", () =>
    Effect.gen(function* () {
      const { receiver, send } = yield* setUp([answers(200)])
      yield* send({ method: "GET", url: receiver.url, headers: {}, timeout: 5_000 })
      assert.deepStrictEqual([receiver.received[0]?.method, receiver.received[0]?.body], ["GET", ""])
    })
  )

  it.scopedLive("makes basic auth of a user in the URL, unless there is a header for it", () =>
    Effect.gen(function* () {
      const { receiver, send } = yield* setUp([answers(200)])
      const url = `http://us%C3%A9r:p%40ss%zz@127.0.0.1:${receiver.port}/`
      yield* send(post(url))
      yield* send(post(url, { headers: { AUTHORIZATION: "Bearer x" } }))
      const sent = receiver.received.map(({ headers }) => headers.authorization)
      assert.deepStrictEqual(sent, [`Basic ${Buffer.from("usér:p@ss%zz").toString("base64")}`, "Bearer x"])
    })
  )

  it.scopedLive("uses a connection again, and after it closed another one", () =>
    Effect.gen(function* () {
      const { receiver, send } = yield* setUp([answers(200, "one")])
      yield* send(post(receiver.url))
      yield* send(post(receiver.url))
      assert.strictEqual(receiver.connections(), 1)
      receiver.drop()
      yield* eventually(() => receiver.open() === 0)
      yield* send(post(receiver.url))
      assert.strictEqual(receiver.connections(), 2)
      assert.lengthOf(receiver.received, 3)
    })
  )

  it.scopedLive("is sent again where a kept connection turns out to be closed, and only then", () =>
    Effect.gen(function* () {
      const { receiver, send } = yield* setUp([answers(200), resets, answers(200), halfCloses, resets])
      yield* send(post(receiver.url))
      assert.strictEqual((yield* send(post(receiver.url))).status, 200)
      assert.deepStrictEqual(
        receiver.received.map(({ connection }) => connection),
        [1, 1, 2]
      )
      const { send: another } = yield* makeGuardedClient(atLoopback, onLoopback)
      const failure = yield* Effect.flip(another(post(receiver.url)))
      assert.deepStrictEqual([failure.reason, receiver.received.length], ["network", 4])
    })
  )

  it.scopedLive("is not sent a third time", () =>
    Effect.gen(function* () {
      const { receiver, send } = yield* setUp([answers(200), resets, resets, answers(200)])
      yield* send(post(receiver.url))
      assert.strictEqual((yield* Effect.flip(send(post(receiver.url)))).reason, "network")
      assert.lengthOf(receiver.received, 3)
    })
  )

  it.scopedLive("is not sent again once an answer has begun", () =>
    Effect.gen(function* () {
      const { receiver, send } = yield* setUp([answers(200), sends("HTTP/1.1 200 O"), answers(200)])
      yield* send(post(receiver.url))
      assert.strictEqual((yield* Effect.flip(send(post(receiver.url)))).reason, "network")
      assert.deepStrictEqual([receiver.received.length, receiver.connections()], [2, 1])
    })
  )

  const broken: ReadonlyArray<readonly [what: string, behaviour: Behaviour, message: RegExp]> = [
    ["half-closed", halfCloses, /^the connection was closed before an answer came$/],
    ["reset", resets, /^the connection was closed before an answer came$/],
    ["answered in another language", sends("220 mail.example.com ESMTP\r\n"), /^Parse Error/],
    ["answered with a head too long", sends(`HTTP/1.1 200 OK\r\nx: ${"z".repeat(65_536)}\r\n\r\n`), /Header overflow/],
    ["switched to another protocol", sends("HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n"), /./]
  ]
  for (const [what, behaviour, message] of broken) {
    it.scopedLive(`fails when its connection is ${what}`, () =>
      Effect.gen(function* () {
        const { receiver, send } = yield* setUp([behaviour])
        const failure = yield* Effect.flip(send(post(receiver.url)))
        assert.strictEqual(failure.reason, "network")
        assert.match(failure.message, message)
        assert.lengthOf(receiver.received, 1)
      })
    )
  }

  it.scopedLive("fails where nobody listens, and where a name is not known", () =>
    Effect.gen(function* () {
      const { port } = yield* Effect.scoped(httpReceiver([]))
      const { send } = yield* makeGuardedClient(noNames, onLoopback)
      const unheard = yield* Effect.flip(send(post(`http://127.0.0.1:${port}`)))
      assert.deepStrictEqual([unheard.reason, unheard.message], ["network", `connect ECONNREFUSED 127.0.0.1:${port}`])
      const unknown = yield* Effect.flip(send(post("http://nowhere.example")))
      assert.deepStrictEqual([unknown.reason, unknown.message], ["network", "no name is resolved here"])
    })
  )

  const silent: ReadonlyArray<readonly [what: string, behaviour: Behaviour]> = [
    ["does not answer", hangs],
    ["is slow to answer", slowHead],
    ["answers too late", answersLate(2_000, 200)]
  ]
  for (const [what, behaviour] of silent) {
    it.scopedLive(`fails when the receiver ${what}, and leaves no connection`, () =>
      Effect.gen(function* () {
        const { receiver, send } = yield* setUp([behaviour])
        const failure = yield* Effect.flip(send(post(receiver.url, { timeout: 150 })))
        assert.deepStrictEqual([failure.reason, failure.message], ["timeout", "no answer within 0.15 seconds"])
        yield* eventually(() => receiver.open() === 0)
      })
    )
  }

  it.scopedLive("fails when the resolver does not answer", () =>
    Effect.gen(function* () {
      const { send } = yield* makeGuardedClient({ ...noNames, resolve: () => new Promise(() => {}) }, noAllowedHosts)
      const failure = yield* Effect.flip(send(post("http://slow.example", { timeout: 50 })))
      assert.strictEqual(failure.reason, "timeout")
    })
  )

  for (const status of [200, 503]) {
    it.scopedLive(`has its answer ${status} whatever becomes of the body`, () =>
      Effect.gen(function* () {
        const { receiver, send } = yield* setUp([endless(status), stalls(status, "begun"), breaksOff(status, "begun")])
        const long = yield* send(post(receiver.url))
        assert.deepStrictEqual([long.status, long.body.length], [status, 65_536])
        const stalled = yield* send(post(receiver.url, { timeout: 300 }))
        assert.deepStrictEqual([stalled.status, stalled.body], [status, "begun"])
        const broken = yield* send(post(receiver.url))
        assert.deepStrictEqual([broken.status, broken.body], [status, "begun"])
        yield* eventually(() => receiver.open() === 0)
      })
    )
  }

  it.scopedLive("reads no more of the body than it is told, and no half characters", () =>
    Effect.gen(function* () {
      const { receiver, send } = yield* setUp([answers(200, "aé".repeat(10))])
      assert.strictEqual((yield* send(post(receiver.url, { maxBytes: 5 }))).body, "aéa")
    })
  )

  it.scopedLive("follows no redirect", () =>
    Effect.gen(function* () {
      const { receiver, send } = yield* setUp([redirects("/elsewhere", 307), answers(200)])
      const answer = yield* send(post(receiver.url))
      assert.deepStrictEqual([answer.status, answer.headers["location"]], [307, "/elsewhere"])
      assert.lengthOf(receiver.received, 1)
    })
  )

  it.scopedLive("ends with its fiber", () =>
    Effect.gen(function* () {
      const { receiver, send } = yield* setUp([hangs])
      const fiber = yield* Effect.fork(send(post(receiver.url)))
      yield* eventually(() => receiver.received.length === 1)
      yield* Fiber.interrupt(fiber)
      yield* eventually(() => receiver.open() === 0)
    })
  )

  it.scopedLive("leaves no connection when the client's scope closes", () =>
    Effect.gen(function* () {
      const receiver = yield* httpReceiver([answers(200), answers(200), hangs])
      const scope = yield* Scope.make()
      const { send } = yield* Scope.extend(makeGuardedClient(atLoopback, onLoopback), scope)
      yield* Effect.all([send(post(receiver.url)), send(post(receiver.url))], { concurrency: 2 })
      const waiting = yield* Effect.fork(Effect.flip(send(post(receiver.url))))
      yield* eventually(() => receiver.received.length === 3)
      assert.strictEqual(receiver.open(), 2)
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual((yield* waiting).reason, "network")
      yield* eventually(() => receiver.open() === 0)
    })
  )

  const fixture = (name: string) => readFileSync(new URL(`../fixtures/agentpin/${name}`, import.meta.url), "utf8")
  const tls = { cert: fixture("server-cert.pem"), key: fixture("server-key.pem") }

  it.scopedLive("compares a certificate with the name in the URL", () =>
    Effect.gen(function* () {
      const { receiver, send } = yield* setUp([answers(200)], { ...atLoopback, ca: tls.cert }, { tls })
      const answer = yield* send(post(`https://agents.example.com:${receiver.port}/`))
      assert.deepStrictEqual([answer.status, receiver.received.length], [200, 1])
      const other = yield* Effect.flip(send(post(`https://other.example.com:${receiver.port}/`)))
      assert.strictEqual(other.reason, "network")
      assert.match(other.message, /altnames/)
      const { send: stranger } = yield* makeGuardedClient(atLoopback, onLoopback)
      const unknown = yield* Effect.flip(stranger(post(`https://agents.example.com:${receiver.port}/`)))
      assert.deepStrictEqual([unknown.reason, receiver.received.length], ["network", 1])
    })
  )

  it.scopedLive("is refused where it cannot be one", () =>
    Effect.gen(function* () {
      const { send } = yield* makeGuardedClient(noNames, noAllowedHosts)
      const refused: ReadonlyArray<readonly [GuardedRequestOptions, message: string]> = [
        [post("not a url"), "the address is no URL"],
        [post("file:///etc/passwd"), "the address is no http or https URL"],
        [post("gopher://1.1.1.1/"), "the address is no http or https URL"],
        [post("http://1.1.1.1/", { headers: { "a b": "c" } }), 'the header "a b" cannot be sent as it is'],
        [post("http://1.1.1.1/", { headers: { a: "c\r\nd: e" } }), 'the header "a" cannot be sent as it is']
      ]
      for (const [options, message] of refused) {
        const failure = yield* Effect.flip(send(options))
        assert.deepStrictEqual([failure.reason, failure.message], ["invalid", message])
      }
    })
  )
})

describe("retryAfterMillis", () => {
  const now = Date.UTC(1994, 10, 6, 8, 49, 7)
  const cases: ReadonlyArray<readonly [value: string | undefined, want: number | undefined]> = [
    ["120", 120_000],
    [" 0 ", 0],
    ["Sun, 06 Nov 1994 08:49:37 GMT", 30_000],
    ["Sunday, 06-Nov-94 08:49:37 GMT", 30_000],
    ["Sun Nov  6 08:49:37 1994", 30_000],
    ["Sun, 06 Nov 1994 08:00:00 GMT", 0],
    ["9".repeat(400), 30 * 86_400_000],
    ["2592001", 30 * 86_400_000],
    ["Fri, 31 Dec 9999 23:59:59 GMT", 30 * 86_400_000],
    [undefined, undefined],
    ["", undefined],
    ["-1", undefined],
    ["1.5", undefined],
    ["soon", undefined],
    ["1994-11-06T08:49:37Z", undefined],
    ["Sun, 99 Nov 1994 08:49:37 GMT", undefined]
  ]
  for (const [value, want] of cases) {
    it(`takes ${JSON.stringify(value)?.slice(0, 40)} for ${want}`, () => {
      assert.strictEqual(retryAfterMillis(value, now), want)
    })
  }
})
