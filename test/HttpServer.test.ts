import { connect } from "node:net"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpServer from "@effect/platform/HttpServer"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { makeClient } from "../src/Client.ts"
import { HttpLive, ServerLive } from "../src/Http.ts"
import { fakes, hanging, status } from "./support/HttpTest.ts"

const service = (port = 0) => HttpLive.pipe(Layer.provideMerge(ServerLive), Layer.provide(fakes(port)))

const portOf = (context: Context.Context<HttpServer.HttpServer>) => {
  const { address } = Context.get(context, HttpServer.HttpServer)
  return address._tag === "TcpAddress" ? address.port : 0
}

/** Sends a text on a connection of its own; what comes back until the other side closes it. */
const said = (port: number, text: string) =>
  Effect.async<string>((resume) => {
    let received = ""
    const socket = connect(port, "127.0.0.1", () => socket.write(text))
    socket.setEncoding("latin1").on("data", (chunk: string) => {
      received += chunk
    })
    socket.on("error", () => undefined)
    socket.on("close", () => resume(Effect.succeed(received)))
  })

describe("ServerLive", () => {
  it.scopedLive("cuts a connection that asks for much more than it takes, and answers odd requests as all others", () =>
    Effect.gen(function* () {
      const port = portOf(yield* Layer.build(service()))
      const get = (path: string, host = "Host: localhost\r\n") => `GET ${path} HTTP/1.1\r\n${host}\r\n`
      const flooded = yield* said(port, get("/docs").repeat(1_000))
      assert.isBelow(flooded.split("HTTP/1.1 200").length - 1, 1_000)
      const few = yield* said(
        port,
        `${get("/api/v1/health").repeat(8)}${get("/docs", "Host: localhost\r\nConnection: close\r\n")}`
      )
      assert.strictEqual(few.split("HTTP/1.1 200").length - 1, 9)
      const nameless = yield* said(port, get("/api/v1/health", "Connection: close\r\n"))
      assert.match(nameless, /^HTTP\/1\.1 400 [\s\S]*nosniff[\s\S]*"code":"HOST_MISSING"/)
      const expecting = yield* said(port, get("/api/v1/health", "Host: localhost\r\nExpect: more\r\n"))
      assert.match(expecting, /^HTTP\/1\.1 417 [\s\S]*nosniff[\s\S]*"code":"EXPECTATION_FAILED"/)
    })
  )

  it.live("ends what is open when it stops: followed logs, and agents run by hand", () =>
    Effect.gen(function* () {
      yield* status.set({ endless: true })
      const scope = yield* Scope.make()
      const port = portOf(yield* Layer.buildWithScope(service(), scope))
      const client = yield* makeClient({ baseUrl: `http://127.0.0.1:${port}` })
      const definition = {
        session_mode: "fully_ephemeral",
        delivery: [],
        max_concurrent: 1,
        overlap: "skip",
        labels: []
      } as const
      yield* client.schedule.create({ payload: { ...definition, name: "j" as never, agent_id: "echo" as never } })
      const run = yield* client.schedule.run({ path: { job_id: "j" }, urlParams: {}, headers: {}, payload: {} })

      const started = yield* Deferred.make<void>()
      const response = yield* Effect.promise(() =>
        fetch(`http://127.0.0.1:${port}/api/v1/runs/${run.id}/log?follow=true`)
      )
      const body = yield* Stream.fromReadableStream(
        () => response.body ?? new ReadableStream(),
        (cause) => new Cause.UnknownException(cause)
      ).pipe(
        Stream.decodeText(),
        Stream.tap(() => Deferred.succeed(started, undefined)),
        Stream.mkString,
        Effect.fork
      )
      yield* Deferred.await(started)
      const asked = yield* Effect.fork(
        Effect.flip(client.agents.run({ path: { agent_id: "echo" }, payload: { input: "hang" } }))
      )
      yield* Deferred.await(hanging)

      yield* Scope.close(scope, Exit.void)
      assert.include(yield* Fiber.join(body), "data: two")
      assert.strictEqual((yield* Fiber.join(asked))._tag, "Unavailable")
      const refused = yield* Effect.flip(client.health.live())
      assert.strictEqual(refused._tag, "RequestError")
      yield* status.set({})
    }).pipe(Effect.provide(FetchHttpClient.layer))
  )

  it.scopedLive("says which port is taken", () =>
    Effect.gen(function* () {
      const port = portOf(yield* Layer.build(service()))
      const error = yield* Effect.flip(Layer.build(service(port)))
      assert.strictEqual(error._tag, "ListenError")
      assert.include(error.message, `port ${port} of 127.0.0.1 is in use already`)
    })
  )
})
