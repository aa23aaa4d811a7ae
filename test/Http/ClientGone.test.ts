import { connect } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { eventually, folderWith, startService } from "../support/Service.ts"

const files = {
  "agents/slow.symbi": 'agent slow { command: ["sleep", "30"] }\n'
}

/** Sends these bytes and, once the service has them, goes away. */
const sendAndGo = (url: string, text: string) =>
  Effect.async<void>((resume) => {
    const { hostname, port } = new URL(url)
    const socket = connect(Number(port), hostname, () => socket.write(text, () => setImmediate(() => socket.destroy())))
    socket.on("close", () => resume(Effect.void))
    socket.on("error", () => undefined)
  })

const counted = (url: string, route: string) =>
  Effect.promise(async () => {
    const text = await (await fetch(`${url}/metrics`)).text()
    return text.split("\n").find((line) => line.includes(`route="${route}"`) && line.includes('status="499"'))
  })

describe("a client that goes away", () => {
  it.scopedLive("is counted as 499, while its answer is awaited and within its body", () =>
    Effect.gen(function* () {
      const { url } = yield* startService({ folder: yield* folderWith(files) })
      const head = (path: string, length: number) =>
        `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`
      yield* sendAndGo(url, `${head("/api/v1/agents/slow/run", 2)}{}`)
      yield* sendAndGo(url, `${head("/api/v1/schedule", 100)}{"name":`)
      for (const route of ["/api/v1/agents/:agent_id/run", "/api/v1/schedule"]) {
        yield* eventually(`${route} is counted`, counted(url, route))
      }
      const rest = yield* Effect.promise(async () => (await fetch(`${url}/metrics`)).text())
      assert.notInclude(rest, 'status="503"')
    })
  )
})
