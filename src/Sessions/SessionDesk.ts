import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Actor } from "../Domain/Audit.ts"
import { SessionStore } from "./SessionStore.ts"

/** What people do with shared sessions. `ref` is a job's id or its name. */
export class SessionDesk extends Effect.Service<SessionDesk>()("symbiont/SessionDesk", {
  effect: Effect.gen(function* () {
    const store = yield* SessionStore

    const clear = Effect.fn("SessionDesk.clear")(function* (ref: string, actor: Actor) {
      const now = yield* Clock.currentTimeMillis
      return yield* store.clear(ref, now, ({ id, name }, turns) => ({
        type: "SessionCleared",
        actor,
        job_id: id,
        job_name: name,
        reason: `its session of ${turns} ${turns === 1 ? "turn" : "turns"} was archived; the next run starts a new one`
      }))
    })

    return { get: store.describe, clear } as const
  })
}) {}
