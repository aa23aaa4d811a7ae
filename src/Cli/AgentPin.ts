import * as Command from "@effect/cli/Command"
import { unpin } from "./AgentPin/Unpin.ts"
import { verify } from "./AgentPin/Verify.ts"

/** `symbi agentpin` */
export const agentpin = Command.make("agentpin").pipe(
  Command.withDescription("Credentials that prove who an agent is"),
  Command.withSubcommands([verify, unpin])
)
