import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/** Returns when the service begins to stop: answers that would stay open end then, else the server could not close. */
export class Closing extends Context.Tag("symbiont/Http/Closing")<Closing, Effect.Effect<void>>() {
  static readonly layer = Layer.scoped(
    Closing,
    Effect.map(
      Effect.acquireRelease(Deferred.make<void>(), (closing) => Deferred.succeed(closing, undefined)),
      Deferred.await
    )
  )
}
