import { createServer, type RequestListener } from "node:http"
import type { AddressInfo } from "node:net"
import { NodeFileSystem, NodePath, NodeTerminal } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import * as Console from "effect/Console"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import { exitCodeOf, runCli } from "../../src/Cli.ts"
import { ServiceEnvironment } from "../../src/ServiceEnvironment.ts"

const live = Layer.mergeAll(
  NodeFileSystem.layer,
  NodePath.layer,
  NodeTerminal.layer,
  ServiceEnvironment.layer({ variables: {}, directory: process.cwd() })
)

const run = (words: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const err: Array<string> = []
    const console = yield* Console.consoleWith(Effect.succeed)
    const exit = yield* Effect.exit(
      Console.withConsole(runCli(words), {
        ...console,
        error: (...texts: ReadonlyArray<unknown>) => Effect.sync(() => void err.push(...texts.map(String)))
      })
    )
    return { code: exitCodeOf(exit, words), err: err.join("\n") }
  }).pipe(Effect.provide(live))

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
          const ended = yield* Effect.fork(run(["--server", url, ...words]))
          yield* Deferred.await(asked)
          yield* TestClock.adjust("30 seconds")
          if (words[0] === "run") {
            assert.strictEqual((yield* Fiber.poll(ended))._tag, "None")
            yield* Fiber.interrupt(ended)
          } else {
            const told = `error: the service at ${url} did not answer in time`
            assert.deepStrictEqual(yield* Fiber.join(ended), { code: 6, err: told })
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
        const ended = yield* run(["--server", url, "run", "agent"])
        assert.strictEqual(ended.code, code, `${status} ${body}: ${ended.err}`)
        if (status === 502) assert.include(ended.err, `no service answers behind ${url} (HTTP 502)`)
      }
    })
  )
})
