import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { AgentPinMemory } from "../../AgentPin.ts"
import { ServiceEnvironment } from "../../ServiceEnvironment.ts"
import { CliError, unusable } from "../Errors.ts"

const failed = ({ message }: { readonly message: string }) => new CliError({ kind: "failed", message })

/** Which data folder is meant, as `symbi up` would find it. */
export interface DataOptions {
  readonly config: Option.Option<string>
  readonly data: Option.Option<string>
}

/** Changes what is remembered of keys. Takes the data folder's lock: whoever may stop the service may do this. */
export const withMemory = <A>(
  { config, data }: DataOptions,
  change: (memory: AgentPinMemory["Type"]) => Effect.Effect<A>
) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
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
      unusable
    )
    const database = path.join(settings.data_dir, "symbiont.db")
    if (!(yield* Effect.orElseSucceed(fs.exists(database), () => false))) {
      return yield* new CliError({
        kind: "notFound",
        message: `no database at ${database}; name its folder with --data`
      })
    }
    yield* Effect.mapError(lockDataFolder(settings.data_dir), failed)
    return yield* AgentPinMemory.pipe(
      Effect.flatMap(change),
      Effect.provide(layerSqlite(database)),
      Effect.mapError(failed)
    )
  }).pipe(Effect.scoped)
