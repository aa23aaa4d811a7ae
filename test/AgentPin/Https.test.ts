import { readFileSync } from "node:fs"
import type { RequestListener } from "node:http"
import { createServer } from "node:https"
import type { AddressInfo } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import { cachedDocument } from "../../src/AgentPin/Cache.ts"
import { Refusal } from "../../src/AgentPin/Refusal.ts"
import { isPublicAddress } from "../../src/Network/PublicAddress.ts"
import { makeIssuer, makeKey } from "./issuer.ts"
import { answered, noNetwork, presented, verifier } from "./service.ts"

const fixture = (name: string) => readFileSync(new URL(`../fixtures/agentpin/${name}`, import.meta.url), "utf8")
const cert = fixture("server-cert.pem")
const issuer = makeIssuer()
const identity = "/.well-known/agent-identity.json"
const revocations = "/.well-known/agent-identity-revocations.json"

/** A web server of `agents.example.com` on loopback that answers as told, and counts what it is asked. */
const webServer = (answer: Readonly<Record<string, RequestListener | unknown>>) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.async<{ port: number; asked: Array<string>; close: Effect.Effect<void> }>((resume) => {
        const asked: Array<string> = []
        const server = createServer({ cert, key: fixture("server-key.pem") }, (request, response) => {
          const path = request.url ?? ""
          asked.push(path)
          const how = answer[path]
          if (typeof how === "function") return how(request, response)
          response.writeHead(how === undefined ? 404 : 200).end(typeof how === "string" ? how : JSON.stringify(how))
        })
        server.on("tlsClientError", () => undefined)
        server.listen(0, "127.0.0.1", () => {
          const { port } = server.address() as AddressInfo
          const close = Effect.async<void>((done) => {
            server.close(() => done(Effect.void))
            server.closeAllConnections()
          })
          resume(Effect.succeed({ port, asked, close }))
        })
      }),
      ({ close }) => close
    ),
    ({ asked, port }) => ({
      asked,
      network: {
        ...noNetwork,
        resolve: () => Promise.resolve([{ address: "127.0.0.1", family: 4 }]),
        port,
        ca: cert
      }
    })
  )

const documents = { [identity]: issuer.document(), [revocations]: issuer.revocation }
const settings = { domain: issuer.domain }

/** What a verifier answers that has its documents from this web server. */
const answeredBy = (
  answer: Readonly<Record<string, RequestListener | unknown>>,
  change: {
    readonly timeout?: Duration.DurationInput
    readonly permits?: (address: string) => boolean
    readonly ca?: string
  } = {}
) =>
  Effect.gen(function* () {
    const { asked, network } = yield* webServer(answer)
    const token = issuer.issue()
    const said = yield* Effect.provide(presented(token), verifier({ settings, network: { ...network, ...change } }))
    return { said, asked }
  }).pipe(Effect.scoped)

describe("documents by HTTPS", () => {
  it.live("are fetched from the domain, and only once in a while", () =>
    Effect.gen(function* () {
      const { asked, network } = yield* webServer(documents)
      yield* Effect.gen(function* () {
        const all = yield* Effect.forEach([1, 2, 3], () => presented(issuer.issue()), { concurrency: 3 })
        assert.deepStrictEqual([...all, yield* presented(issuer.issue())], ["ok", "ok", "ok", "ok"])
      }).pipe(Effect.provide(verifier({ settings, network })))
      assert.deepStrictEqual([...asked].sort(), [revocations, identity].sort())
    }).pipe(Effect.scoped)
  )

  it.live("are not asked for when the credential names another domain", () =>
    Effect.gen(function* () {
      const { asked, network } = yield* webServer(documents)
      const layer = verifier({ settings, network })
      assert.strictEqual(
        yield* Effect.provide(answered(makeIssuer("evil.example.org").issue()), layer),
        "DOMAIN_MISMATCH"
      )
      assert.deepStrictEqual(asked, [])
    }).pipe(Effect.scoped)
  )

  it.effect("are fetched again for a key that is not in them, but not over and over", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(Date.now())
      const next = makeKey("next")
      let document = issuer.document()
      const { asked, network } = yield* webServer({
        ...documents,
        [identity]: ((_, response) => response.end(JSON.stringify(document))) satisfies RequestListener
      })
      yield* Effect.gen(function* () {
        assert.strictEqual(yield* presented(issuer.issue()), "ok")
        document = issuer.document({ public_keys: [issuer.key.jwk, next.jwk] })
        assert.strictEqual(yield* answered(issuer.issue({ key: next })), "KEY_NOT_FOUND")
        assert.strictEqual(asked.filter((path) => path === identity).length, 1)
        yield* TestClock.adjust("30 seconds")
        // It is found now, and not one that the domain is known to sign with.
        assert.strictEqual(yield* answered(issuer.issue({ key: next })), "KEY_PIN_MISMATCH")
        assert.strictEqual(yield* answered(issuer.issue({ key: makeKey("none") })), "KEY_NOT_FOUND")
        assert.strictEqual(asked.filter((path) => path === identity).length, 2)
      }).pipe(Effect.provide(verifier({ settings, network })))
    }).pipe(Effect.scoped)
  )

  const refusals: ReadonlyArray<
    readonly [name: string, answer: Readonly<Record<string, RequestListener | unknown>>, want: RegExp, asks: number]
  > = [
    ["of another entity", { ...documents, [identity]: makeIssuer("b.example.com").document() }, /^DOMAIN_MISMATCH/, 1],
    ["that are no JSON", { ...documents, [identity]: "<html>" }, /^DISCOVERY_INVALID/, 1],
    ["that do not exist", { [revocations]: issuer.revocation }, /^DISCOVERY_FETCH_FAILED: .*status 404/, 1],
    ["revocations that do not exist", { [identity]: issuer.document() }, /^DISCOVERY_FETCH_FAILED: .*status 404/, 2],
    [
      "revocations of another entity",
      { ...documents, [revocations]: makeIssuer("b.example.com").revocation },
      /^DISCOVERY_INVALID/,
      2
    ],
    [
      "elsewhere, by a redirect",
      { ...documents, [identity]: redirect, "/elsewhere": issuer.document() },
      /^DISCOVERY_FETCH_FAILED: .*status 302/,
      1
    ],
    [
      "revocations elsewhere",
      { ...documents, [revocations]: redirect, "/elsewhere": issuer.revocation },
      /^DISCOVERY_FETCH_FAILED: .*status 302/,
      2
    ],
    [
      "of a megabyte",
      { ...documents, [identity]: `${JSON.stringify(issuer.document())}${" ".repeat(1_048_576)}` },
      /^DISCOVERY_FETCH_FAILED: .*longer than 262144 bytes/,
      1
    ],
    ["without an end", { ...documents, [identity]: endless }, /^DISCOVERY_FETCH_FAILED: .*longer than 262144 bytes/, 1],
    ["cut off", { ...documents, [identity]: cutOff }, /^DISCOVERY_FETCH_FAILED/, 1]
  ]
  for (const [name, answer, want, asks] of refusals) {
    it.live(`are refused ${name}`, () =>
      Effect.map(answeredBy(answer), ({ asked, said }) => {
        assert.match(said, want)
        assert.strictEqual(asked.length, asks)
      })
    )
  }

  it.live("are refused from a server that does not answer", () =>
    Effect.map(answeredBy({ ...documents, [identity]: () => undefined }, { timeout: "100 millis" }), ({ said }) =>
      assert.match(said, /^DISCOVERY_FETCH_FAILED: .*no answer within 100ms/)
    )
  )

  it.live("are refused from a server whose certificate nobody vouches for", () =>
    Effect.map(answeredBy(documents, { ca: otherCertificate }), ({ asked, said }) => {
      assert.match(said, /^DISCOVERY_FETCH_FAILED/)
      assert.deepStrictEqual(asked, [])
    })
  )

  it.live("are refused from an address that is not public, also beside public ones", () =>
    Effect.gen(function* () {
      const { asked, said } = yield* answeredBy(documents, { permits: isPublicAddress })
      assert.match(said, /^DISCOVERY_FETCH_FAILED: .*is at 127\.0\.0\.1, which is no public address/)
      assert.deepStrictEqual(asked, [])
      const mixed = {
        ...noNetwork,
        permits: isPublicAddress,
        resolve: () =>
          Promise.resolve([
            { address: "93.184.215.14", family: 4 },
            { address: "169.254.169.254", family: 4 }
          ])
      }
      const answer = yield* Effect.provide(presented(issuer.issue()), verifier({ settings, network: mixed }))
      assert.match(answer, /^DISCOVERY_FETCH_FAILED: .*169\.254\.169\.254/)
      const none = { ...noNetwork, resolve: () => Promise.resolve([]) }
      assert.match(
        yield* Effect.provide(presented(issuer.issue()), verifier({ settings, network: none })),
        /has no address/
      )
    })
  )
})

function redirect(...[, response]: Parameters<RequestListener>) {
  response.writeHead(302, { location: "/elsewhere" }).end()
}

function endless(...[, response]: Parameters<RequestListener>) {
  const more = () => {
    while (!response.destroyed && response.write(" ".repeat(65_536))) {}
  }
  response.on("drain", more)
  more()
}

function cutOff(...[, response]: Parameters<RequestListener>) {
  const text = JSON.stringify(issuer.document())
  response.writeHead(200, { "content-length": text.length })
  response.write(text.slice(0, 100), () => response.destroy())
}

// Any certificate but the server's own.
const otherCertificate = fixture("other-cert.pem")

describe("a cached document", () => {
  const counted = () => {
    let loads = 0
    let fails = false
    const load = Effect.suspend(() =>
      fails ? new Refusal({ code: "DISCOVERY_FETCH_FAILED", detail: "down" }) : Effect.succeed(++loads)
    )
    const fail = (now: boolean) => {
      fails = now
    }
    return { load, fail }
  }

  it.effect("is kept for its time, and not used after it when it cannot be had", () =>
    Effect.gen(function* () {
      const { fail, load } = counted()
      const { get } = yield* cachedDocument(load, 300_000)
      assert.strictEqual(yield* get, 1)
      yield* TestClock.adjust("299 seconds")
      fail(true)
      assert.strictEqual(yield* get, 1)
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Effect.flip(get)).detail, "down")
      fail(false)
      assert.strictEqual(yield* get, 2)
      yield* TestClock.setTime(0)
      assert.strictEqual(yield* get, 3, "a clock that was set back keeps nothing longer")
    })
  )

  it.effect("is loaded anew for what it lacks, at most every 30 seconds", () =>
    Effect.gen(function* () {
      const { fail, load } = counted()
      const { get, getUnless } = yield* cachedDocument(load, 3_600_000)
      const asked = getUnless((value) => value < 100)
      assert.strictEqual(yield* get, 1)
      assert.strictEqual(yield* asked, 1)
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual(yield* getUnless((value) => value < 1), 1, "nothing is lacking")
      assert.strictEqual(yield* asked, 2)
      assert.strictEqual(yield* asked, 2)
      yield* TestClock.adjust("30 seconds")
      fail(true)
      assert.strictEqual(yield* asked, 2, "what is kept still counts")
      fail(false)
      assert.strictEqual(yield* asked, 2, "a failed try cools down as well")
    })
  )

  it.effect("is loaded once for all who ask at the same time, also when that fails", () =>
    Effect.gen(function* () {
      let loads = 0
      const load = Effect.flatMap(
        Effect.sleep("1 second"),
        () => new Refusal({ code: "DISCOVERY_FETCH_FAILED", detail: `load ${++loads}` })
      )
      const { get } = yield* cachedDocument(load, 1)
      const all = yield* Effect.fork(Effect.forEach([1, 2, 3], () => Effect.flip(get), { concurrency: 3 }))
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(
        (yield* all).map(({ detail }) => detail),
        ["load 1", "load 1", "load 1"]
      )
    })
  )
})
