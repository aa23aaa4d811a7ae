import * as Reactivity from "@effect/experimental/Reactivity"
import { SqliteClient } from "@effect/sql-sqlite-node"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/** Another service works on the data folder. */
export class DataFolderInUse extends Data.TaggedError("DataFolderInUse")<{ readonly folder: string }> {
  override get message() {
    return `another symbi service is using the data folder ${this.folder}; stop it, or choose another folder with --data`
  }
}

/**
 * Holds a data folder for this process as long as the scope lives, by SQLite's lock on a file of its own: the operating
 * system drops it when the process dies, however it dies.
 */
export const lockDataFolder = Effect.fn("DataLock.acquire")(function* (folder: string) {
  const sql = yield* SqliteClient.make({ filename: `${folder}/service.lock`, disableWAL: true }).pipe(
    Effect.provide(Reactivity.layer)
  )
  yield* sql`PRAGMA busy_timeout = 0`.pipe(
    Effect.andThen(sql`BEGIN EXCLUSIVE`),
    Effect.mapError(() => new DataFolderInUse({ folder }))
  )
})

/** {@link lockDataFolder} for the life of a layer. */
export const layerDataLock = (folder: string) => Layer.scopedDiscard(lockDataFolder(folder))
