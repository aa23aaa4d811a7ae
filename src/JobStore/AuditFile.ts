import * as Reactivity from "@effect/experimental/Reactivity"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import { SqliteClient } from "@effect/sql-sqlite-node"
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { verifyChain } from "../AuditLog.ts"
import type { AuditCheckpoint, AuditVerdict } from "../Domain/Audit.ts"
import { auditReader } from "./AuditReader.ts"
import { detailOf } from "./Details.ts"

/** There is no file to read, or it cannot be read at all. */
export class DatabaseFileMissing extends Data.TaggedError("DatabaseFileMissing")<{
  readonly filename: string
  readonly detail: string
  readonly missing?: boolean
}> {
  override get message() {
    return `cannot read ${this.filename}: ${this.detail}`
  }
}

/** How often a copy is begun anew because a service writes to the database. */
const tries = 5

/**
 * A database that can be read without a trace in its folder. SQLite would leave its `-wal` and `-shm` there, so unless
 * both are there already (a service runs, or one was killed), it reads a copy that goes with the scope.
 */
export const readableCopy = Effect.fnUntraced(function* (filename: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const look = (name: string) =>
    Effect.map(Effect.option(fs.stat(name)), (found) =>
      found._tag === "None" ? "none" : `${found.value.size} ${found.value.mtime.toString()}`
    )
  const state = Effect.all([look(filename), look(`${filename}-wal`), look(`${filename}-shm`)])
  const folder = yield* fs.makeTempDirectoryScoped({ prefix: "symbi-audit-" })
  const copy = path.join(folder, "copy.db")
  for (let n = 0; n < tries; n++) {
    const before = yield* state
    const [, wal, shm] = before
    if (wal !== "none" && shm !== "none") return filename
    yield* fs.copyFile(filename, copy)
    if (wal !== "none") yield* fs.copyFile(`${filename}-wal`, `${copy}-wal`)
    if (String(yield* state) === String(before)) return copy
  }
  return yield* new DatabaseFileMissing({ filename, detail: "it changes all the time; try again, or ask the service" })
})

const unreadable = (error: unknown): AuditVerdict => ({
  ok: false,
  broken: { seq: 0, id: null, kind: "unreadable", detail: detailOf(error) }
})

const verifyOpened = Effect.fnUntraced(function* (filename: string, checkpoints: ReadonlyArray<AuditCheckpoint>) {
  const sql = yield* SqliteClient.make({ filename, readonly: true, disableWAL: true }).pipe(
    Effect.provide(Reactivity.layer)
  )
  const tables = yield* sql`SELECT name FROM pragma_table_info('audit') WHERE name = 'hash'`
  if (tables.length === 0) {
    return unreadable("it has no chained audit log; a database of an older version gets one when a service opens it")
  }
  // One snapshot, whatever a service does meanwhile.
  return yield* sql.withTransaction(verifyChain(auditReader(sql), checkpoints))
})

/** Verifies the log in a database file that nobody writes to and that is not in WAL mode, such as a copy. */
export const verifyUnused = (filename: string, checkpoints: ReadonlyArray<AuditCheckpoint>) =>
  verifyOpened(filename, checkpoints).pipe(
    Effect.scoped,
    // The driver throws where it cannot open a file.
    Effect.sandbox,
    Effect.catchAll((cause) => Effect.succeed(unreadable(Cause.squash(cause))))
  )

/**
 * Verifies the log in a database file, which a service may be using. Nothing in its folder is created or changed, and
 * no lock of the folder is needed; what is no database, or a damaged one, is reported as broken.
 */
export const verifyFile = Effect.fn("AuditFile.verify")(function* (
  filename: string,
  checkpoints: ReadonlyArray<AuditCheckpoint>
) {
  const fs = yield* FileSystem.FileSystem
  const unusable = (detail: string) => new DatabaseFileMissing({ filename, detail })
  const { type } = yield* Effect.mapError(fs.stat(filename), (error) =>
    error._tag === "SystemError" && error.reason === "NotFound"
      ? new DatabaseFileMissing({ filename, detail: "no such file", missing: true })
      : unusable(error.message)
  )
  if (type !== "File") return yield* unusable("it is no file")
  const readable = yield* readableCopy(filename).pipe(
    Effect.catchTags({
      BadArgument: (error) => unusable(error.message),
      SystemError: (error) => unusable(error.message)
    })
  )
  return yield* verifyUnused(readable, checkpoints)
}, Effect.scoped)
