import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { parseAllowedHosts } from "../../src/Network/AllowedHosts.ts"
import {
  answers,
  type Behaviour,
  endless,
  halfCloses,
  hangs,
  httpReceiver,
  redirects,
  resets,
  stalls
} from "../support/HttpReceiver.ts"
import { jobWith, routerWith, type Setting, setUp, toWebhook } from "./webhooks.ts"

describe("the answer to a webhook", () => {
  const failureOn = (behaviour: Behaviour, setting: Setting = {}, fields: Readonly<Record<string, unknown>> = {}) =>
    Effect.gen(function* () {
      const { deliver, receiver } = yield* setUp([behaviour], setting)
      const failure = yield* Effect.flip(deliver(fields))
      assert.lengthOf(receiver.received, 1, "a channel tries once")
      return { failure, host: `127.0.0.1:${receiver.port}` }
    }).pipe(Effect.scoped)

  for (const status of [200, 201, 202, 204, 299]) {
    it.scopedLive(`${status} is a delivery`, () => Effect.flatMap(setUp([answers(status)]), ({ deliver }) => deliver()))
  }

  it.scopedLive("counts from its status on, whatever follows", () =>
    Effect.gen(function* () {
      const { deliver } = yield* setUp([endless(200), stalls(200, "half")], {
        delivery: { webhook_timeout_seconds: 1 }
      })
      yield* deliver()
      yield* deliver()
    })
  )

  for (const status of [408, 425, 429, 500, 502, 503, 504, 599]) {
    it.live(`${status} may pass`, () =>
      Effect.map(failureOn(answers(status, "come again")), ({ failure, host }) => {
        assert.isFalse(failure.permanent)
        assert.strictEqual(failure.message, `${host} answered ${status}: come again`)
        assert.strictEqual(failure.retry_after_ms, undefined)
      })
    )
  }

  for (const status of [400, 401, 404, 409, 410, 413, 422, 451]) {
    it.live(`${status} is a refusal for good`, () =>
      Effect.map(failureOn(answers(status, "no", { "retry-after": "5" })), ({ failure, host }) => {
        assert.isTrue(failure.permanent)
        assert.isTrue(failure.message.startsWith(`${host} answered ${status}: no`))
        assert.strictEqual(failure.retry_after_ms, undefined)
      })
    )
  }

  it.live("says when to come back, in seconds or by date", () =>
    Effect.gen(function* () {
      const soon = yield* failureOn(answers(429, "", { "retry-after": "120" }))
      assert.strictEqual(soon.failure.retry_after_ms, 120_000)
      const date = new Date((yield* Clock.currentTimeMillis) + 600_000).toUTCString()
      const later = yield* failureOn(answers(503, "", { "retry-after": date }))
      assert.closeTo(later.failure.retry_after_ms ?? 0, 600_000, 30_000)
      const never = yield* failureOn(answers(503, "", { "retry-after": "whenever" }))
      assert.strictEqual(never.failure.retry_after_ms, undefined)
    })
  )

  for (const behaviour of [resets, halfCloses]) {
    it.live(`may come another time when the connection breaks (${behaviour.name})`, () =>
      Effect.map(failureOn(behaviour), ({ failure, host }) => {
        assert.isFalse(failure.permanent)
        assert.strictEqual(failure.message, `${host}: the connection was closed before an answer came`)
      })
    )
  }

  it.scoped("is waited for as long as the configuration says, 30 seconds unless it does", () =>
    Effect.gen(function* () {
      for (const [delivery, seconds] of [
        [{}, 30],
        [{ webhook_timeout_seconds: 7 }, 7]
      ] as const) {
        const { deliver, receiver } = yield* setUp([hangs], { delivery })
        const fiber = yield* Effect.fork(Effect.flip(deliver()))
        while (receiver.received.length === 0) yield* Effect.promise(() => new Promise<void>((go) => setImmediate(go)))
        yield* TestClock.adjust(seconds * 1_000 - 1)
        assert.strictEqual((yield* Fiber.poll(fiber))._tag, "None")
        yield* TestClock.adjust(1)
        const failure = yield* fiber
        assert.deepStrictEqual(
          [failure.permanent, failure.message],
          [false, `127.0.0.1:${receiver.port}: no answer within ${seconds} seconds`]
        )
      }
    })
  )

  for (const status of [301, 302, 303, 307, 308]) {
    it.live(`${status} is not followed`, () =>
      Effect.map(
        failureOn(redirects("http://user:hunter2@169.254.169.254/latest/meta?token=hunter3", status)),
        ({ failure, host }) => {
          assert.isTrue(failure.permanent)
          assert.strictEqual(
            failure.message,
            `${host} answered ${status} and points to http://169.254.169.254; redirects are not followed: put the final address into webhook_url`
          )
        }
      )
    )
  }

  it.live("points somewhere also when it says it relatively, or not at all", () =>
    Effect.gen(function* () {
      const relative = yield* failureOn(redirects("../other?q"))
      assert.include(relative.failure.message, `points to http://${relative.host};`)
      const data = yield* failureOn(redirects("data:text/plain,hunter2"))
      assert.include(data.failure.message, "points to something that is no http or https address;")
      const none = yield* failureOn(answers(304))
      assert.include(none.failure.message, "points to nowhere;")
      const wrong = yield* failureOn(redirects("http://[::"))
      assert.include(wrong.failure.message, "points to nowhere;")
    })
  )

  it.live("is quoted in one short line that no terminal obeys", () =>
    Effect.gen(function* () {
      const text = `<h1>\n  Bad\u001b[2J\u009b gate\u202eway ${"é😀".repeat(300)}`
      const { failure, host } = yield* failureOn(answers(502, text))
      assert.match(failure.message, /: <h1> Bad␛\[2J<9b> gateway (é😀)+é?…$/u)
      assert.lengthOf(Array.from(failure.message.slice(`${host} answered 502: `.length)), 200)
    })
  )

  it.live("is quoted without any secret that it repeats", () =>
    Effect.gen(function* () {
      const secrets = [
        "hdr-Secret/1",
        "hook-secret-2",
        "Basic-3",
        "url-user4",
        "p@ss-w5",
        "very-long-path-token-6",
        "body-secret-7"
      ]
      const said = (spell: (secret: string) => string): Behaviour => answers(400, secrets.map(spell).join(" "))
      const spellings = [
        (secret: string) => secret,
        (secret: string) => secret.toUpperCase(),
        encodeURIComponent,
        (secret: string) => JSON.stringify({ got: secret }),
        (secret: string) => JSON.stringify(secret).replaceAll("/", "\\/"),
        (secret: string) => secret.replace(/[^a-z]/g, (one) => `\\u00${one.charCodeAt(0).toString(16)}`),
        (secret: string) => secret.replace(/[^a-z]/g, (one) => `&#${one.charCodeAt(0)};`),
        (secret: string) => Buffer.from(secret).toString("base64")
      ]
      for (const spell of spellings) {
        const { deliver, receiver } = yield* setUp([said(spell)], {
          variables: { A: "hdr-Secret/1", B: "hook-secret-2", C: "body-secret-7" }
        })
        const failure = yield* Effect.flip(
          deliver({
            webhook_url: `http://url-user4:p%40ss-w5@127.0.0.1:${receiver.port}/very-long-path-token-6`,
            webhook_headers: { "x-a": `Token \${A}`, "x-b": "Basic-3" },
            webhook_secret: `\${B}`,
            webhook_body: `\${C}`
          })
        )
        for (const secret of secrets) {
          assert.notInclude(failure.message.toLowerCase(), spell(secret).toLowerCase().replace(/=+$/, ""))
        }
        assert.include(failure.message, "[redacted]")
      }
    }).pipe(Effect.scoped)
  )

  it.live("is a refusal for good when the address is none", () =>
    Effect.gen(function* () {
      for (const webhook_url of ["", "nonsense", "ftp://secret@example.com/", "http://", "https://exa mple.com"]) {
        const failure = yield* Effect.flip(Effect.provide(toWebhook(jobWith({ webhook_url })), routerWith({})))
        assert.isTrue(failure.permanent, webhook_url)
        assert.match(failure.message, /^webhook_url cannot be used: /)
        assert.notInclude(failure.message, "secret")
      }
      const none = yield* Effect.flip(Effect.provide(toWebhook(jobWith({})), routerWith({})))
      assert.deepStrictEqual([none.permanent, none.message], [true, 'job "nightly" has no webhook_url; set it'])
    })
  )

  it.live("says what to add to allow_hosts in a form that can be added, and that helps", () =>
    Effect.gen(function* () {
      const receiver = yield* httpReceiver([answers(200)])
      for (const host of ["[::ffff:7f00:1]", "[::ffff:127.0.0.1]", "127.1", "[::1]", "[64:ff9b::7f00:1]"]) {
        const job = jobWith({ webhook_url: `http://${host}:${receiver.port}/` })
        const refused = yield* Effect.flip(
          Effect.provide(toWebhook(job), routerWith({ delivery: { allow_hosts: [] } }))
        )
        const entry = / add (\S+) to allow_hosts/.exec(refused.message)?.[1] ?? assert.fail(refused.message)
        const allowed = yield* parseAllowedHosts([entry])
        assert.isTrue(
          allowed.permitsAddress(new URL(`http://${host}/`).hostname.replace(/^\[|\]$/g, ""), receiver.port)
        )
        if (!host.includes("127") && !host.includes("ffff")) continue
        assert.strictEqual(entry, `127.0.0.1:${receiver.port}`)
        yield* Effect.provide(toWebhook(job), routerWith({ delivery: { allow_hosts: [entry] } }))
      }
      const onDefaultPort = jobWith({ webhook_url: "http://[::ffff:10.1.2.3]/" })
      const { message } = yield* Effect.flip(Effect.provide(toWebhook(onDefaultPort), routerWith({})))
      assert.include(message, "add 10.1.2.3 to allow_hosts")
    }).pipe(Effect.scoped)
  )

  it.live("is a refusal for good, with what to do, when the receiver is not public", () =>
    Effect.gen(function* () {
      const job = jobWith({ webhook_url: "http://10.1.2.3:8080/hook" })
      const failure = yield* Effect.flip(Effect.provide(toWebhook(job), routerWith({})))
      assert.deepStrictEqual(
        [failure.permanent, failure.message],
        [
          true,
          "10.1.2.3 is no public address, so nothing was sent; where it is meant to be reached, add 10.1.2.3:8080 to allow_hosts under [scheduler.delivery]"
        ]
      )
    })
  )
})
