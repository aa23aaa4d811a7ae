import type { ServerResponse } from "node:http"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

/** Returns when the client has taken what was written. */
const drained = (response: ServerResponse): Effect.Effect<void> =>
  Effect.async((resume) => {
    const go = () => resume(Effect.void)
    response.once("drain", go)
    return Effect.sync(() => response.off("drain", go))
  })

/**
 * Sends a body piece by piece, no faster than the client takes it. A stream that fails cuts the connection: nothing
 * else tells the client that the body is not whole.
 */
export const sendStream = (response: ServerResponse, body: Stream.Stream<Uint8Array>): Effect.Effect<void> =>
  Stream.runForEachChunk(body, (chunk) =>
    Effect.suspend(() => {
      let isTaken = true
      for (const piece of Chunk.toReadonlyArray(chunk)) isTaken = response.write(piece)
      return isTaken ? Effect.void : drained(response)
    })
  ).pipe(
    Effect.matchCauseEffect({
      onSuccess: () => Effect.sync(() => response.end()),
      onFailure: (cause) =>
        Effect.zipRight(
          Cause.isInterruptedOnly(cause) ? Effect.void : Effect.logError("an answer broke off", cause),
          Effect.sync(() => response.destroy())
        )
    })
  )
