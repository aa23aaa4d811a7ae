import * as Reactivity from "@effect/experimental/Reactivity"
import * as FileSystem from "@effect/platform/FileSystem"
import { SqliteClient } from "@effect/sql-sqlite-node"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { readableCopy } from "./AuditFile.ts"
import { schemaVersion } from "./Migrations.ts"

/** What a database file says of itself. */
export interface Examined {
  /** The version of its schema; 0 where it has none. */
  readonly schema: number
  /** The newest version that this program knows. */
  readonly known: number
  /** What SQLite found broken; null where it did not look. */
  readonly damage: ReadonlyArray<string> | null
  /** Size of the log of changes beside it, in bytes. */
  readonly wal: number
  readonly dead_letter: number
  readonly quarantined: number
  readonly undelivered: number
}

/** The largest database that is looked through, in bytes: SQLite reads about half a gigabyte in a second. */
const maxLookedThrough = 268_435_456

const decodeChecks = Schema.decodeUnknown(Schema.Array(Schema.Struct({ quick_check: Schema.String })))
const decodeCounts = Schema.decodeUnknown(Schema.Array(Schema.Struct({ name: Schema.String, n: Schema.Number })))

/**
 * Opens a database file read-only and examines it; a service may be using it, which is then not kept waiting by a look
 * through all of it. Leaves nothing behind in the folder.
 */
export const examineFile = Effect.fn("Examine.file")(function* (filename: string, isUsed: boolean) {
  const fs = yield* FileSystem.FileSystem
  const size = Number((yield* fs.stat(filename)).size)
  const wal = yield* Effect.map(Effect.option(fs.stat(`${filename}-wal`)), (found) =>
    found._tag === "None" ? 0 : Number(found.value.size)
  )
  const isLarge = size > maxLookedThrough
  // A large one is not copied: SQLite may leave two empty files beside it.
  const readable = isUsed || isLarge ? filename : yield* readableCopy(filename)
  const sql = yield* SqliteClient.make({ filename: readable, readonly: true, disableWAL: true }).pipe(
    Effect.provide(Reactivity.layer)
  )
  const damage =
    isUsed || isLarge
      ? null
      : (yield* Effect.flatMap(sql`PRAGMA quick_check(10)`, decodeChecks))
          .map(({ quick_check }) => quick_check)
          .filter((text) => text !== "ok")
  const tables = yield* sql`SELECT name FROM sqlite_master WHERE name = 'effect_sql_migrations'`
  const none = { dead_letter: 0, quarantined: 0, undelivered: 0 }
  if (tables.length === 0) return { schema: 0, known: schemaVersion, damage, wal, ...none } satisfies Examined
  const counts = yield* Effect.flatMap(
    sql`SELECT 'schema' AS name, coalesce(max(migration_id), 0) AS n FROM effect_sql_migrations
      UNION ALL SELECT status, n FROM job_counts WHERE status IN ('dead_letter', 'quarantined')
      UNION ALL SELECT 'undelivered', count(*) FROM deliveries
        WHERE state IN ('pending', 'failed', 'dead') AND state IN ('failed', 'dead')`,
    decodeCounts
  )
  const of = (name: string) => counts.find((row) => row.name === name)?.n ?? 0
  return {
    schema: of("schema"),
    known: schemaVersion,
    damage,
    wal,
    dead_letter: of("dead_letter"),
    quarantined: of("quarantined"),
    undelivered: of("undelivered")
  } satisfies Examined
}, Effect.scoped)
