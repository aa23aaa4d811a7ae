import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { AgentPinDomain } from "../../Domain/AgentPin.ts"
import { CliError } from "../Errors.ts"

/** The domain that an agent belongs to. */
export const domain = Options.text("domain").pipe(
  Options.withDescription("the agents' domain, such as agent.example.com")
)

/** A domain as it was typed, checked. */
export const domainOf = (text: string) =>
  Effect.mapError(
    Schema.decode(AgentPinDomain)(text),
    () =>
      new CliError({
        kind: "usage",
        message: `--domain must be a host name such as agent.example.com, without port or path`
      })
  )
