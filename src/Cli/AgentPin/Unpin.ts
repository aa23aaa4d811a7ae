import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { ServiceEnvironment } from "../../ServiceEnvironment.ts"
import { CliError } from "../Errors.ts"
import { plain } from "../Table.ts"
import { serviceOptions } from "../Up.ts"
import { domain, domainOf } from "./Options.ts"

const failed = ({ message }: { readonly message: string }) => new CliError({ kind: "failed", message })

/** `symbi agentpin unpin`. Works on the data folder, which a running service holds: whoever may stop it may do this. */
export const unpin = Command.make(
  "unpin",
  {
    config: serviceOptions.config,
    data: serviceOptions.data,
    domain,
    kid: Args.text({ name: "kid" }).pipe(Args.withDescription("the key's name in the domain's document"))
  },
  ({ config, data, domain, kid }) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const trusted = yield* domainOf(domain)
      const { findConfigFile, loadSettings } = yield* Effect.promise(() => import("../../Settings.ts"))
      const { AgentPinMemory } = yield* Effect.promise(() => import("../../AgentPin.ts"))
      const { lockDataFolder } = yield* Effect.promise(() => import("../../JobStore/DataLock.ts"))
      const { layerSqlite } = yield* Effect.promise(() => import("../../JobStore/Sqlite.ts"))
      const { variables } = yield* ServiceEnvironment
      const { settings } = yield* Effect.mapError(
        loadSettings({
          configFile: yield* findConfigFile(config),
          env: variables,
          overrides: { data_dir: Option.getOrUndefined(data) }
        }),
        failed
      )
      const database = path.join(settings.data_dir, "symbiont.db")
      if (!(yield* Effect.orElseSucceed(fs.exists(database), () => false))) {
        return yield* new CliError({
          kind: "notFound",
          message: `no database at ${database}; name its folder with --data`
        })
      }
      yield* Effect.mapError(lockDataFolder(settings.data_dir), failed)
      const now = yield* Clock.currentTimeMillis
      const known = yield* AgentPinMemory.pipe(
        Effect.flatMap((memory) => memory.unpin(trusted, kid, now, "cli")),
        Effect.provide(layerSqlite(database)),
        Effect.mapError(failed)
      )
      if (!known) {
        return yield* new CliError({ kind: "notFound", message: `no key ${plain(kid)} of ${trusted} is pinned` })
      }
      yield* Console.log(`unpinned "${plain(kid)}" of ${trusted}; the next key seen under that name is pinned`)
    }).pipe(Effect.scoped)
).pipe(Command.withDescription("Accept another key under a name that is pinned; the service must be stopped"))
