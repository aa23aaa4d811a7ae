import * as Reactivity from "@effect/experimental/Reactivity"
import { SqliteClient } from "@effect/sql-sqlite-node"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { keptIn, verifyKept } from "../AuditLog.ts"
import { verifyUnused } from "../JobStore/AuditFile.ts"
import { BackupFailed, detailOf, failure } from "./Failure.ts"
import type { BackupManifest } from "./Manifest.ts"

const opened = (filename: string) =>
  SqliteClient.make({ filename, readonly: true, disableWAL: true }).pipe(Effect.provide(Reactivity.layer))

/** The driver throws where a file cannot be opened. */
const failing =
  (what: string) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.catchAllCause(effect, (cause) => Effect.fail(failure(what)(Cause.squash(cause))))

/** Copies a database as it is at one instant; a service may write to it meanwhile, and is not held up. */
export const snapshot = Effect.fn("Backup.snapshot")((database: string, into: string) =>
  Effect.gen(function* () {
    const sql = yield* opened(database)
    yield* sql`VACUUM INTO ${into}`
  }).pipe(Effect.scoped, failing(`cannot copy the database ${database}`))
)

const decodeTexts = Schema.decodeUnknown(Schema.Array(Schema.Struct({ integrity_check: Schema.String })))
const decodeSchema = Schema.decodeUnknown(Schema.Tuple(Schema.Struct({ id: Schema.NullOr(Schema.Number) })))

const checked = Effect.fnUntraced(function* (database: string) {
  const sql = yield* opened(database)
  const problems = yield* Effect.flatMap(sql`PRAGMA integrity_check(1)`, decodeTexts)
  const { id } = (yield* Effect.flatMap(
    sql`SELECT max(migration_id) AS id FROM effect_sql_migrations`,
    decodeSchema
  ))[0]
  return { schema: id ?? 0, problem: problems.find(({ integrity_check }) => integrity_check !== "ok") }
}, Effect.scoped)

/** The schema of a database that nobody uses; one that SQLite finds damaged is refused. */
export const schemaOf = Effect.fn("Backup.schemaOf")(function* (database: string, named: string) {
  const { problem, schema } = yield* failing(`${named} is no database of symbi`)(checked(database))
  if (problem === undefined) return schema
  return yield* new BackupFailed({ kind: "failed", message: `${named} is damaged: ${problem.integrity_check}` })
})

/** What the audit log of a folder's database says of itself, compared with the checkpoints of the folder. */
export const auditOf = Effect.fn("Backup.auditOf")(
  function* (folder: string, database: string) {
    const kept = yield* keptIn(folder)
    const verdict = yield* verifyKept((checkpoints) => verifyUnused(database, checkpoints), kept, [])
    const audit: BackupManifest["audit"] = verdict.ok
      ? { entries: verdict.entries, broken: null }
      : { entries: 0, broken: `entry ${verdict.broken.seq}: ${verdict.broken.detail}` }
    return audit
  },
  Effect.mapError((error) => new BackupFailed({ kind: "failed", message: detailOf(error) }))
)
