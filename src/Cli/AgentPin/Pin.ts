import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { CliError, unreadable } from "../Errors.ts"
import { plain } from "../Table.ts"
import { serviceOptions } from "../Up.ts"
import { withMemory } from "./Memory.ts"
import { domain, domainOf } from "./Options.ts"

/** `symbi agentpin pin` */
export const pin = Command.make(
  "pin",
  {
    config: serviceOptions.config,
    data: serviceOptions.data,
    domain,
    discovery: Options.text("discovery").pipe(
      Options.withPseudoName("file"),
      Options.withDescription("the domain's agent-identity.json, which has the key")
    ),
    kid: Args.text({ name: "kid" }).pipe(Args.withDescription("the key's name in that document"))
  },
  ({ discovery, domain, kid, ...place }) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const trusted = yield* domainOf(domain)
      const { importKey, parseDiscovery, usableKey } = yield* Effect.promise(() => import("../../AgentPin.ts"))
      const now = yield* Clock.currentTimeMillis
      const text = yield* Effect.mapError(fs.readFileString(discovery), unreadable(discovery))
      const { thumbprint } = yield* parseDiscovery(text, trusted).pipe(
        Effect.flatMap((document) => usableKey(document, kid, now)),
        Effect.flatMap(importKey),
        Effect.mapError(({ code, detail }) => new CliError({ kind: "failed", message: `${code}: ${plain(detail)}` }))
      )
      yield* withMemory(place, (memory) => memory.pin({ domain: trusted, kid, thumbprint }, now, "cli"))
      yield* Console.log(`pinned "${plain(kid)}" of ${trusted}, thumbprint ${thumbprint}`)
    })
).pipe(Command.withDescription("Accept a further key of a domain; the service must be stopped"))
