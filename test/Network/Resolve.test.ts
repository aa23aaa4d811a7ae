import { createSocket, type Socket } from "node:dgram"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { makeResolve } from "../../src/Network/Resolve.ts"

const questionOf = (query: Buffer) => {
  const labels: Array<string> = []
  let at = 12
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length))
    at += length + 1
  }
  return { name: labels.join("."), type: query.readUInt16BE(at + 1), end: at + 5 }
}

/** An answer (RFC 1035): the question again, and the address it asks for, if it is there. */
const answerTo = (query: Buffer, address: string | undefined, code: number): Buffer => {
  const { end } = questionOf(query)
  const header = Buffer.from(query.subarray(0, 12))
  header.writeUInt16BE(0x8180 | code, 2)
  header.writeUInt16BE(address === undefined ? 0 : 1, 6)
  header.writeUInt16BE(0, 8)
  header.writeUInt16BE(0, 10)
  const record = [0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...(address ?? "").split(".").map(Number)]
  return Buffer.concat([header, query.subarray(12, end), Buffer.from(address === undefined ? [] : record)])
}

/** A name server on loopback: `good.example` has an address, what begins with `dead` gets no answer, nothing else is. */
const nameServer = Effect.map(
  Effect.acquireRelease(
    Effect.async<Socket>((resume) => {
      const socket = createSocket("udp4")
      socket.on("message", (query, from) => {
        const { name, type } = questionOf(query)
        if (name.startsWith("dead")) return
        const known = name === "good.example"
        const address = known && type === 1 ? "93.184.216.34" : undefined
        socket.send(answerTo(query, address, known ? 0 : 3), from.port, from.address)
      })
      socket.bind(0, "127.0.0.1", () => resume(Effect.succeed(socket)))
    }),
    (socket) => Effect.async<void>((resume) => void socket.close(() => resume(Effect.void)))
  ),
  (socket) => `127.0.0.1:${socket.address().port}`
)

const bySystem = [{ address: "192.0.2.1", family: 4 }]

const resolver = Effect.map(nameServer, (server) => {
  const asked: Array<string> = []
  const resolve = makeResolve({
    servers: [server],
    timeout: 300,
    hosts: () => Promise.resolve("127.0.0.1 localhost\n10.1.1.1  Listed.example alias.example # commented.example\n"),
    system: (host) => {
      asked.push(host)
      return Promise.resolve(bySystem)
    }
  })
  return { asked, resolve }
})

describe("a resolver", () => {
  it.scopedLive("finds a name while the name servers of others are silent", () =>
    Effect.gen(function* () {
      const { asked, resolve } = yield* resolver
      const ended: Array<string> = []
      const dead = Array.from({ length: 20 }, (_, n) =>
        resolve(`dead-${n}.example`).then(
          () => assert.fail("nobody knows it"),
          (error: Error) => {
            ended.push("dead")
            return error.message
          }
        )
      )
      const good = yield* Effect.promise(() => resolve("good.example"))
      ended.push("good")
      assert.deepStrictEqual(good, [{ address: "93.184.216.34", family: 4 }])
      const [first] = yield* Effect.promise(() => Promise.all(dead))
      assert.strictEqual(first, "no name server answered for dead-0.example in time")
      assert.strictEqual(ended[0], "good")
      assert.deepStrictEqual(asked, [])
    })
  )

  it.scopedLive(
    "leaves to the system what the hosts file has, short and local names, and what no name server knows",
    () =>
      Effect.gen(function* () {
        const { asked, resolve } = yield* resolver
        const names = [
          "listed.example",
          "ALIAS.example.",
          "localhost",
          "printer",
          "a.local",
          "b.localhost",
          "none.example"
        ]
        for (const name of names) assert.deepStrictEqual(yield* Effect.promise(() => resolve(name)), bySystem)
        assert.deepStrictEqual(asked, names)
        yield* Effect.promise(() => resolve("commented.example"))
        assert.strictEqual(asked.at(-1), "commented.example")
      })
  )

  it.scopedLive("reads the machine's own hosts file", () =>
    Effect.gen(function* () {
      const found = yield* Effect.promise(() => makeResolve()("localhost"))
      assert.isTrue(found.some(({ address }) => address === "127.0.0.1" || address === "::1"))
    })
  )
})
