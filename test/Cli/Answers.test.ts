import { createServer, type RequestListener } from "node:http"
import type { AddressInfo } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { runHere } from "../support/RunCli.ts"

/** A server that answers so; gives its address. */
const serving = (listener: RequestListener) =>
  Effect.acquireRelease(
    Effect.async<ReturnType<typeof createServer>>((resume) => {
      const server = createServer(listener)
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) =>
      Effect.sync(() => {
        server.close()
        server.closeAllConnections()
      })
  ).pipe(Effect.map((server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`))

describe("an answer of what is no service", () => {
  it.scoped("is waited for 30 seconds, also where it began; that of an agent for any time", () =>
    Effect.gen(function* () {
      for (const begins of [false, true]) {
        for (const words of [
          ["cron", "list"],
          ["run", "agent"]
        ]) {
          const asked = yield* Deferred.make<void>()
          const url = yield* serving((_, response) => {
            if (begins) response.writeHead(200, { "content-type": "application/json" }).write("[")
            Deferred.unsafeDone(asked, Effect.void)
          })
          const ended = yield* Effect.fork(runHere(["--server", url, ...words]))
          yield* Deferred.await(asked)
          yield* TestClock.adjust("30 seconds")
          if (words[0] === "run") {
            assert.strictEqual((yield* Fiber.poll(ended))._tag, "None")
            yield* Fiber.interrupt(ended)
          } else {
            const told = `error: the service at ${url} did not answer in time`
            assert.deepStrictEqual(yield* Fiber.join(ended), { code: 6, out: [], err: [told] })
          }
        }
      }
    })
  )

  it.scoped("means that there is no service when a gateway says so", () =>
    Effect.gen(function* () {
      for (const [status, body, code] of [
        [502, "<html>Bad Gateway</html>", 6],
        [503, '{"message":"no upstream"}', 6],
        [504, "", 6],
        [503, '{"error":"shutting down","code":"UNAVAILABLE","details":[]}', 6],
        [504, '{"error":"took too long","code":"AGENT_TIMED_OUT","details":[]}', 1],
        [500, "<html>", 1]
      ] as const) {
        const url = yield* serving((_, response) => {
          response.writeHead(status, { "content-type": "application/json" }).end(body)
        })
        const ended = yield* runHere(["--server", url, "run", "agent"])
        assert.strictEqual(ended.code, code, `${status} ${body}: ${ended.err.join()}`)
        if (status === 502) assert.include(ended.err.join(), `no service answers behind ${url} (HTTP 502)`)
      }
    })
  )
})
