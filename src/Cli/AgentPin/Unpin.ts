import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { CliError } from "../Errors.ts"
import { plain } from "../Table.ts"
import { serviceOptions } from "../Up.ts"
import { withMemory } from "./Memory.ts"
import { domain, domainOf } from "./Options.ts"

/** `symbi agentpin unpin` */
export const unpin = Command.make(
  "unpin",
  {
    config: serviceOptions.config,
    data: serviceOptions.data,
    domain,
    kid: Args.text({ name: "kid" }).pipe(Args.withDescription("the key's name in the domain's document"))
  },
  ({ domain, kid, ...place }) =>
    Effect.gen(function* () {
      const trusted = yield* domainOf(domain)
      const now = yield* Clock.currentTimeMillis
      const known = yield* withMemory(place, (memory) => memory.unpin(trusted, kid, now, "cli"))
      if (!known) {
        return yield* new CliError({ kind: "notFound", message: `no key ${plain(kid)} of ${trusted} is pinned` })
      }
      yield* Console.log(`unpinned "${plain(kid)}" of ${trusted}; with no key left, the next one seen is pinned`)
    })
).pipe(Command.withDescription("Accept a pinned key no longer; the service must be stopped"))
