import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { SqlClient } from "@effect/sql/SqlClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { layerDatabase } from "../../src/JobStore/Database.ts"
import { layerOnClient } from "../../src/JobStore/Sqlite.ts"
import { conforms, Database } from "./Conformance.ts"

const onFile = (filename: string) =>
  Layer.merge(
    layerOnClient(filename),
    Layer.effect(
      Database,
      Effect.map(SqlClient, (sql) => ({
        execute: (statement: string) => Effect.orDie(Effect.asVoid(sql.unsafe(statement)))
      }))
    )
  ).pipe(Layer.provide(layerDatabase(filename)), Layer.orDie)

const inFolder = Layer.unwrapScoped(
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const folder = yield* fs.makeTempDirectoryScoped({ prefix: "symbiont-store-" })
    return onFile(`${folder}/symbiont.db`)
  })
).pipe(Layer.provide(NodeContext.layer), Layer.orDie)

conforms("SQLite in memory", () => onFile(":memory:"))
conforms("a SQLite file", () => inFolder)
