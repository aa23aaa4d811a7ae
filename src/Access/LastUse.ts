import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type { KeyId } from "../Domain/Ids.ts"
import { KeyStore } from "./KeyStore.ts"

/** A key's last use is written at most this often, in ms. */
const every = 60_000

/** Uses that wait to be written; further ones are dropped, as the next use of the key is noted in their place. */
const capacity = 1_000

/** Notes when keys were used, behind the requests; ends with the scope. */
export const makeLastUse = Effect.gen(function* () {
  const store = yield* KeyStore
  const noted = new Map<KeyId, number>()
  const uses = yield* Queue.dropping<readonly [KeyId, number]>(capacity)

  const write = Effect.flatMap(Queue.take(uses), ([id, at]) => store.used(id, at)).pipe(
    Effect.catchAllCause((cause) => Effect.logWarning("the last use of a key could not be noted", cause))
  )
  yield* Effect.forkScoped(Effect.forever(write))

  return (id: KeyId, before: number | null, now: number): void => {
    const last = noted.get(id) ?? before
    // An instant ahead of the clock was noted before the clock was set back.
    if (last !== null && last <= now && now - last < every) return
    noted.set(id, now)
    uses.unsafeOffer([id, now])
  }
})
