import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { keptIn, verifyKept } from "../AuditLog.ts"
import { verifyFile } from "../JobStore/AuditFile.ts"
import { isReadable, lookAt } from "./Look.ts"
import { failed, ok, type Verdict } from "./Verdict.ts"

/** How long a log is verified here; about 100,000 entries take a second. */
const patience = "4 seconds"

/** The audit log of a data folder that no service works on, beside its checkpoints; a service watches its own. */
export const checkAudit = (folder: string) =>
  Effect.gen(function* () {
    const file = `${folder}/symbiont.db`
    const found = yield* lookAt(file)
    // What cannot be looked at, or is no database, has been told already.
    if (found === null || typeof found === "string" || !(yield* isReadable(file))) return []
    const kept = yield* keptIn(folder)
    const verdict = yield* Effect.timeoutOption(
      verifyKept((checkpoints) => verifyFile(file, checkpoints), kept, []),
      patience
    )
    if (Option.isNone(verdict)) return [ok("audit", "a long log; `symbi audit verify` verifies all of it")]
    if (verdict.value.ok) return [ok("audit", `${verdict.value.entries} entries, as they were written`)]
    const { detail, kind, seq } = verdict.value.broken
    if (kind === "unreadable") return []
    return [
      failed(
        "audit",
        `the log is not as it was written, at entry ${seq}: ${detail}`,
        "keep the database as evidence; `symbi audit verify` tells more"
      )
    ] as ReadonlyArray<Verdict>
  })
