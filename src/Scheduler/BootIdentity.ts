import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { Ids } from "../Domain/Ids.ts"

/** Who this start of the service is: the owner in its leases. */
export class BootIdentity extends Effect.Service<BootIdentity>()("symbiont/Scheduler/BootIdentity", {
  effect: Effect.gen(function* () {
    const { boot } = yield* Ids
    return { id: yield* boot, started_at: yield* Clock.currentTimeMillis } as const
  })
}) {}
