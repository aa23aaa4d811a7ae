import * as Effect from "effect/Effect"
import { Forbidden } from "../Api.ts"
import type { JobPatch } from "../Domain/Job.ts"
import type { Principal } from "../Domain/Key.ts"

/**
 * Whether who asks may give jobs that run commands of their own. Agents come from the service's own folder alone; a
 * gate that is a command comes with its job, so writing one is more than operating.
 */
export const mayGiveCommands = ({ scopes }: Principal): boolean => scopes.includes("admin")

const forbidden = new Forbidden({
  code: "FORBIDDEN_SCOPE",
  message:
    "a gate with a command runs a program of the service's machine, so it needs a key with the scope admin; use gate.url, or put the job into the agents folder of the service",
  details: [{ path: "gate.command", message: "needs the scope admin" }]
})

/** Refuses a gate's command that is not stored already, unless who asks may give commands. */
export const refuseNewCommand = <E>(
  gate: JobPatch["gate"],
  principal: Principal,
  stored: Effect.Effect<JobPatch["gate"], E>
): Effect.Effect<void, E | Forbidden> => {
  const command = gate?.command
  if (command === undefined || mayGiveCommands(principal)) return Effect.void
  return Effect.flatMap(stored, (known) =>
    JSON.stringify(known?.command) === JSON.stringify(command) ? Effect.void : forbidden
  )
}
