import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Runtime from "effect/Runtime"
import * as fc from "fast-check"
import { parseAllowedHosts } from "../../src/Network/AllowedHosts.ts"
import { type ClientRules, makeGuardedClient } from "../../src/Network/GuardedRequest.ts"
import { isPublicAddress } from "../../src/Network/PublicAddress.ts"
import { answers, httpReceiver, redirects } from "../support/HttpReceiver.ts"
import { hostileUrl, innerAddresses, otherHosts, spellings4, spellings6, wrappings } from "./hostileUrls.ts"
import { jobWith, noNames, routerWith, toWebhook } from "./webhooks.ts"

/** The real rules on a resolver that gives these answers, the last one for ever after, and keeps what it is asked. */
const resolving = (...answers: ReadonlyArray<ReadonlyArray<string>>) => {
  const asked: Array<string> = []
  const rules: ClientRules = {
    permits: isPublicAddress,
    resolve: (host) => {
      asked.push(host)
      const addresses = answers[Math.min(asked.length, answers.length) - 1] ?? []
      return Promise.resolve(addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })))
    }
  }
  return { asked, rules }
}

const client = (rules: ClientRules, ...allow: ReadonlyArray<string>) =>
  Effect.map(
    makeGuardedClient(rules, Either.getOrThrow(parseAllowedHosts(allow))),
    ({ send }) =>
      (url: string) =>
        send({ method: "POST", url, headers: {}, body: "x", timeout: 2_000 })
  )

// On every address of this machine, though some have none of IPv6: what gets through to any of them is seen.
const trap = Effect.catchAllDefect(httpReceiver([answers(200)], { host: "::" }), () =>
  httpReceiver([answers(200)], { host: "0.0.0.0" })
)

const table = (port: number): ReadonlyArray<string> => [
  ...spellings4.map((spelling) => `http://${spelling("127.0.0.1")}:${port}/`),
  ...spellings4.map((spelling) => `http://${spelling("169.254.169.254")}:${port}/`),
  ...spellings6.map((spelling) => `http://${spelling("127.0.0.1")}:${port}/`),
  ...spellings6.map((spelling) => `http://${spelling("10.0.0.1")}:${port}/`),
  ...wrappings.map((wrapping) => wrapping("127.0.0.1", port)),
  ...innerAddresses.map((address) => `http://${address}:${port}/`),
  ...otherHosts.map((host) => `http://${host}:${port}/`)
]

describe("hostile URLs", () => {
  it.scopedLive("reach nothing that is not public", () =>
    Effect.gen(function* () {
      const { connections, port } = yield* trap
      const { rules } = resolving(["127.0.0.1"])
      const send = yield* client(rules)
      const urls = table(port)
      assert.isAbove(new Set(urls).size, 100)
      yield* Effect.forEach(
        urls,
        (url) =>
          Effect.map(Effect.either(send(url)), (answer) => {
            assert.isTrue(Either.isLeft(answer), url)
            if (Either.isLeft(answer)) assert.include(["refused", "invalid"], answer.left.reason, url)
          }),
        { concurrency: 16 }
      )
      assert.strictEqual(connections(), 0)
    })
  )

  it.scopedLive("reach nothing when names resolve to addresses of IPv6", () =>
    Effect.gen(function* () {
      const { connections, port } = yield* trap
      for (const address of ["::1", "::ffff:127.0.0.1", "::", "fe80::1%lo", "64:ff9b::7f00:1", "2002:7f00:1::"]) {
        const send = yield* client(resolving([address]).rules)
        const failure = yield* Effect.flip(send(`http://hooks.example.com:${port}/`))
        assert.strictEqual(failure.reason, "refused", address)
      }
      assert.strictEqual(connections(), 0)
    })
  )

  it.scopedLive("reach nothing however they are spelled", () =>
    Effect.gen(function* () {
      const { connections, port } = yield* trap
      const send = yield* client(noNames)
      const run = Runtime.runPromise(yield* Effect.runtime<never>())
      yield* Effect.promise(() =>
        fc.assert(
          fc.asyncProperty(hostileUrl(port), async (url) => {
            const answer = await run(Effect.either(send(url)))
            assert.isTrue(Either.isLeft(answer) && ["refused", "invalid"].includes(answer.left.reason), url)
            assert.strictEqual(connections(), 0, url)
          }),
          { numRuns: 1_000 }
        )
      )
    })
  )

  it.scopedLive("would reach the trap if they were let through", () =>
    Effect.gen(function* () {
      const { connections, port } = yield* trap
      const send = yield* client({ ...resolving(["127.0.0.1"]).rules, permits: () => true })
      const loopback = [
        ...spellings4.map((spelling) => spelling("127.0.0.1")),
        "localhost",
        "[::ffff:127.0.0.1]",
        "[::1]"
      ]
      for (const host of loopback) yield* Effect.ignore(send(`http://${host}:${port}/`))
      assert.isAtLeast(connections(), 3)
    })
  )
})

describe("a name that is resolved anew", () => {
  it.scopedLive("is connected to where it was when it was checked", () =>
    Effect.gen(function* () {
      const outer = yield* httpReceiver([answers(200)], { host: "127.0.0.2" })
      const inner = yield* httpReceiver([answers(200)], { port: outer.port })
      const { asked, rules } = resolving(["127.0.0.2"], ["127.0.0.1"])
      // The one address of loopback stands for one of the open Internet.
      const send = yield* client({
        ...rules,
        permits: (address) => address === "127.0.0.2" || isPublicAddress(address)
      })
      const url = `http://rebinds.example.com:${outer.port}/`
      assert.strictEqual((yield* send(url)).status, 200)
      assert.deepStrictEqual(asked, ["rebinds.example.com"], "one connection, one look-up")
      // The connection that was checked may be used again; a new one is looked up anew.
      yield* send(url)
      assert.deepStrictEqual([asked.length, outer.connections()], [1, 1])
      outer.drop()
      while (outer.open() > 0) yield* Effect.promise(() => new Promise<void>((go) => setImmediate(go)))
      const failure = yield* Effect.flip(send(url))
      assert.deepStrictEqual(
        [failure.reason, failure.message],
        ["refused", "rebinds.example.com is at 127.0.0.1, which is no public address"]
      )
      assert.deepStrictEqual([outer.received.length, inner.connections()], [2, 0])
    })
  )

  it.scopedLive("is not connected to where one of its addresses is not public", () =>
    Effect.gen(function* () {
      const receiver = yield* trap
      for (const addresses of [
        ["1.1.1.1", "127.0.0.1"],
        ["127.0.0.1", "1.1.1.1"],
        ["2606:4700::1111", "::1"]
      ]) {
        const send = yield* client(resolving(addresses).rules)
        assert.strictEqual((yield* Effect.flip(send(`http://mixed.example.com:${receiver.port}`))).reason, "refused")
      }
      assert.strictEqual(receiver.connections(), 0)
    })
  )
})

describe("a redirect", () => {
  const places = (port: number) => [
    "http://169.254.169.254/latest/meta-data/",
    `http://127.0.0.1:${port}/`,
    `http://localhost:${port}/`,
    `//127.0.0.1:${port}/`,
    "file:///etc/passwd"
  ]

  it.scopedLive("leads nowhere", () =>
    Effect.gen(function* () {
      const inner = yield* trap
      const { asked, rules } = resolving(["127.0.0.1"])
      for (const place of places(inner.port)) {
        const receiver = yield* httpReceiver([redirects(place, 307), answers(200)])
        const job = jobWith({ webhook_url: `http://hooks.internal:${receiver.port}/` })
        const setting = { network: rules, delivery: { allow_hosts: [`hooks.internal:${receiver.port}`] } }
        const failure = yield* Effect.flip(Effect.provide(toWebhook(job), routerWith(setting)))
        assert.isTrue(failure.permanent)
        assert.match(failure.message, /redirects are not followed/)
        assert.lengthOf(receiver.received, 1)
      }
      assert.strictEqual(inner.connections(), 0)
      assert.deepStrictEqual(new Set(asked), new Set(["hooks.internal"]))
    })
  )
})

describe("what is allowed", () => {
  const ways: ReadonlyArray<readonly [entry: (port: number) => string, host: string]> = [
    [() => "127.0.0.1", "127.0.0.1"],
    [() => "127.0.0.1", "2130706433"],
    [() => "127.0.0.0/8", "127.0.0.1"],
    [(port) => `127.0.0.1:${port}`, "hooks.internal"],
    [() => "Hooks.Internal", "hooks.internal"],
    [() => "hooks.internal", "HOOKS.internal."],
    [(port) => `hooks.internal:${port}`, "hooks.internal"],
    [() => "*.internal", "hooks.internal"],
    [() => "localhost", "localhost"]
  ]
  for (const [entry, host] of ways) {
    it.scopedLive(`is reached: ${host} by ${entry(8080)}`, () =>
      Effect.gen(function* () {
        const receiver = yield* httpReceiver([answers(200)])
        const send = yield* client(resolving(["127.0.0.1"]).rules, entry(receiver.port))
        assert.strictEqual((yield* send(`http://${host}:${receiver.port}/`)).status, 200)
      })
    )
  }

  const others: ReadonlyArray<readonly [entry: string, host: string]> = [
    ["127.0.0.1:1", "127.0.0.1"],
    ["127.0.0.2", "127.0.0.1"],
    ["hooks.internal", "127.0.0.1"],
    ["hooks.internal", "other.internal"],
    ["hooks.internal:1", "hooks.internal"],
    ["*.internal", "internal"],
    ["::/0", "127.0.0.1"],
    ["::/0", "[::ffff:127.0.0.1]"],
    ["10.0.0.0/8", "hooks.internal"]
  ]
  it.scopedLive("is nothing else", () =>
    Effect.gen(function* () {
      const receiver = yield* trap
      for (const [entry, host] of others) {
        const send = yield* client(resolving(["127.0.0.1"]).rules, entry)
        const failure = yield* Effect.flip(send(`http://${host}:${receiver.port}/`))
        assert.strictEqual(failure.reason, "refused", `${host} by ${entry}`)
      }
      assert.strictEqual(receiver.connections(), 0)
    })
  )
})
