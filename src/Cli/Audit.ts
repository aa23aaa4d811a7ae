import * as Command from "@effect/cli/Command"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { query } from "./AuditQuery.ts"
import { verify } from "./AuditVerify.ts"
import { withClient } from "./Root.ts"

const checkpoint = Command.make("checkpoint", {}, () =>
  Effect.gen(function* () {
    const signed = yield* withClient((client) => client.audit.checkpoint())
    const { lineOf } = yield* Effect.promise(() => import("../AuditLog.ts"))
    yield* Console.log(lineOf(signed).trimEnd())
    yield* Console.error(
      "keep this line where the service cannot reach it; compare later with: symbi audit verify --checkpoint FILE"
    )
  })
).pipe(Command.withDescription("Print how far the log reaches now, signed, to be kept elsewhere"))

/** `symbi audit` */
export const audit = Command.make("audit").pipe(
  Command.withDescription("What was done, by whom, and whether the log of it is as it was written"),
  Command.withSubcommands([query, verify, checkpoint])
)
