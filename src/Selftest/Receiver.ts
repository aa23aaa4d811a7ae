import { createServer } from "node:http"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"

/** A webhook on a free port of this machine. */
export interface Receiver {
  readonly url: string
  /** Ids of the runs that came with a delivery, by the delivery's id: each time that it was taken. */
  readonly taken: ReadonlyMap<string, ReadonlyArray<string>>
}

const decodeBody = Schema.decodeUnknownEither(
  Schema.parseJson(Schema.Struct({ delivery_id: Schema.String, run: Schema.Struct({ id: Schema.String }) }))
)

/** Of so many requests one is refused, so that it has to come again. */
const refusedEach = 7

/** A webhook that takes its time, and now and then answers 500; it goes with the scope. */
export const makeReceiver = Effect.gen(function* () {
  const taken = new Map<string, Array<string>>()
  const fork = Runtime.runFork(yield* Effect.runtime())
  let requests = 0
  const server = createServer((request, response) => {
    const chunks: Array<Buffer> = []
    request.on("data", (chunk: Buffer) => chunks.push(chunk))
    request.on("error", () => {})
    request.on("end", () => {
      const body = decodeBody(Buffer.concat(chunks).toString("utf8"))
      const refuses = ++requests % refusedEach === 0 || Either.isLeft(body)
      const answer = Effect.sync(() => {
        if (!refuses && Either.isRight(body)) {
          const { delivery_id, run } = body.right
          taken.set(delivery_id, [...(taken.get(delivery_id) ?? []), run.id])
        }
        response.writeHead(refuses ? 500 : 200).end()
      })
      fork(Effect.delay(answer, "30 millis"))
    })
  })
  const port = yield* Effect.acquireRelease(
    Effect.async<number>((resume) => {
      server.on("error", (error) => resume(Effect.die(error)))
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        resume(
          typeof address === "object" && address !== null ? Effect.succeed(address.port) : Effect.dieMessage("no port")
        )
      })
    }),
    () =>
      Effect.sync(() => {
        server.closeAllConnections()
        server.close()
      })
  )
  return { url: `http://127.0.0.1:${port}/hook`, taken } satisfies Receiver
})
