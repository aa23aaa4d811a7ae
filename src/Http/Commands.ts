import * as Effect from "effect/Effect"
import { CurrentPrincipal, Forbidden } from "../Api.ts"
import type { JobPatch } from "../Domain/Job.ts"

/**
 * Whether who asks may give jobs that run commands of their own. Agents come from the service's own folder alone; a
 * gate that is a command comes with its job, so writing one is more than operating.
 */
export const mayGiveCommands: Effect.Effect<boolean, never, CurrentPrincipal> = Effect.map(
  CurrentPrincipal,
  ({ scopes }) => scopes.includes("admin")
)

const forbidden = new Forbidden({
  code: "FORBIDDEN_SCOPE",
  message:
    "a gate with a command runs a program of the service's machine, so it needs a key with the scope admin; use gate.url, or put the job into the agents folder of the service",
  details: [{ path: "gate.command", message: "needs the scope admin" }]
})

/** Refuses a gate's command that is not stored already, unless who asks may give commands. */
export const refuseNewCommand = <E, R>(
  gate: JobPatch["gate"],
  stored: Effect.Effect<JobPatch["gate"], E, R>
): Effect.Effect<void, E | Forbidden, R | CurrentPrincipal> =>
  Effect.gen(function* () {
    const command = gate?.command
    if (command === undefined || (yield* mayGiveCommands)) return
    const known = yield* stored
    if (JSON.stringify(known?.command) !== JSON.stringify(command)) return yield* forbidden
  })
