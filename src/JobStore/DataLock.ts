import * as Reactivity from "@effect/experimental/Reactivity"
import { SqliteClient } from "@effect/sql-sqlite-node"
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type Refusal, refusalOf, refusalTexts } from "../StorageHealth.ts"

/** Another service works on the data folder. */
export class DataFolderInUse extends Data.TaggedError("DataFolderInUse")<{ readonly folder: string }> {
  override get message() {
    return `another symbi service is using the data folder ${this.folder}; stop it, or choose another folder with --data`
  }
}

/** The lock of a data folder cannot be taken, and not because another service holds it. */
export class DataFolderUnusable extends Data.TaggedError("DataFolderUnusable")<{
  readonly folder: string
  readonly detail: string
  readonly refusal?: Refusal | undefined
}> {
  override get message() {
    const [why, step] =
      this.refusal === undefined
        ? [this.detail, "make it writable"]
        : [refusalTexts[this.refusal].what, refusalTexts[this.refusal].next_step]
    return `cannot lock the data folder ${this.folder}: ${why}; ${step}, or choose another folder with --data`
  }
}

const isBusy = (error: unknown): boolean =>
  error instanceof Error && (("code" in error && error.code === "SQLITE_BUSY") || isBusy(error.cause))

const detailOf = (error: unknown): string =>
  error instanceof Error ? (error.cause instanceof Error ? detailOf(error.cause) : error.message) : String(error)

/**
 * Holds a data folder for this process as long as the scope lives, by SQLite's lock on a file of its own: the operating
 * system drops it when the process dies, however it dies.
 */
export const lockDataFolder = Effect.fn("DataLock.acquire")(
  function* (folder: string) {
    const sql = yield* SqliteClient.make({ filename: `${folder}/service.lock`, disableWAL: true }).pipe(
      Effect.provide(Reactivity.layer)
    )
    yield* sql`PRAGMA busy_timeout = 0`
    yield* sql`BEGIN EXCLUSIVE`
  },
  // The driver throws where the file cannot be opened.
  (lock, folder) =>
    Effect.catchAllCause(lock, (cause): Effect.Effect<never, DataFolderInUse | DataFolderUnusable> => {
      const error = Cause.squash(cause)
      return isBusy(error)
        ? new DataFolderInUse({ folder })
        : new DataFolderUnusable({ folder, detail: detailOf(error), refusal: refusalOf(error) })
    })
)

/** {@link lockDataFolder} for the life of a layer. */
export const layerDataLock = (folder: string) => Layer.scopedDiscard(lockDataFolder(folder))
