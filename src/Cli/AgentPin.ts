import * as Command from "@effect/cli/Command"
import { pin } from "./AgentPin/Pin.ts"
import { unpin } from "./AgentPin/Unpin.ts"
import { verify } from "./AgentPin/Verify.ts"

/** `symbi agentpin` */
export const agentpin = Command.make("agentpin").pipe(
  Command.withDescription("Credentials that prove who an agent is"),
  Command.withSubcommands([verify, pin, unpin])
)
