import * as Effect from "effect/Effect"
import { CurrentPrincipal } from "../Api.ts"
import type { Actor } from "../Domain/Audit.ts"

/** Who asks, as the audit log names them. */
export const actor: Effect.Effect<Actor, never, CurrentPrincipal> = Effect.map(CurrentPrincipal, (who) => who.actor)
