import * as Migrator from "@effect/sql/Migrator"
import { SqlClient } from "@effect/sql/SqlClient"
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Record from "effect/Record"
import * as Schema from "effect/Schema"
import { KeyStore } from "../Access.ts"
import type { AgentPinMemory } from "../AgentPin.ts"
import type { AuditLog } from "../AuditLog.ts"
import { BudgetStore } from "../Budgets.ts"
import { Ids } from "../Domain/Ids.ts"
import { Failpoints, passing } from "../Failpoints.ts"
import type { InvariantStore } from "../Invariants.ts"
import { JobStore } from "../JobStore.ts"
import type { RetentionStore } from "../Retention.ts"
import type { RunTotals } from "../RunTotals.ts"
import type { SessionStore } from "../Sessions.ts"
import { refusalOf, refusalTexts, StorageHealth } from "../StorageHealth.ts"
import { copyBeside, DatabaseNotCopied } from "./Backup.ts"
import { Counters } from "./Counters.ts"
import { type Database, layerDatabase } from "./Database.ts"
import { detailOf } from "./Details.ts"
import { migrations, schemaVersion } from "./Migrations.ts"
import { layerAgentPins } from "./SqliteAgentPins.ts"
import { SqliteApprovals } from "./SqliteApprovals.ts"
import { SqliteAudit } from "./SqliteAudit.ts"
import { layerAuditLog } from "./SqliteAuditLog.ts"
import { SqliteBackfills } from "./SqliteBackfills.ts"
import { makeBudgetStore, SqliteBudgets } from "./SqliteBudgets.ts"
import { SqliteBulk } from "./SqliteBulk.ts"
import { SqliteClock } from "./SqliteClock.ts"
import { SqliteDeliveries } from "./SqliteDeliveries.ts"
import { SqliteHistory } from "./SqliteHistory.ts"
import { layerInvariants } from "./SqliteInvariants.ts"
import { SqliteJobChanges } from "./SqliteJobChanges.ts"
import { SqliteJobs } from "./SqliteJobs.ts"
import { SqliteKeys } from "./SqliteKeys.ts"
import { SqliteLook } from "./SqliteLook.ts"
import { SqliteNewDeliveries } from "./SqliteNewDeliveries.ts"
import { SqliteNewRuns } from "./SqliteNewRuns.ts"
import { SqliteNotices } from "./SqliteNotices.ts"
import { SqliteOutbox } from "./SqliteOutbox.ts"
import { layerRetention } from "./SqliteRetention.ts"
import { SqliteRuns } from "./SqliteRuns.ts"
import { SqliteSessionArchive } from "./SqliteSessionArchive.ts"
import { layerSessions } from "./SqliteSessions.ts"
import { SqliteSettlements } from "./SqliteSettlements.ts"
import { layerTotals } from "./SqliteTotals.ts"
import { layerStorageProbe } from "./StorageProbe.ts"
import { Tally } from "./Tally.ts"
import { Writer } from "./Writer.ts"

export { Gathering } from "./Writer.ts"

/** The database was written by a newer version of this program. */
export class DatabaseTooNew extends Data.TaggedError("DatabaseTooNew")<{
  readonly filename: string
  readonly found: number
}> {
  override get message() {
    return `${this.filename} was written by a newer version of symbi (schema ${this.found}, this one knows ${schemaVersion}); upgrade symbi, or use another data folder`
  }
}

/** The file cannot be opened or is no database of this program. */
export class DatabaseUnusable extends Data.TaggedError("DatabaseUnusable")<{
  readonly filename: string
  readonly cause: unknown
}> {
  override get message() {
    const refusal = refusalOf(this.cause)
    const why = refusal === undefined ? detailOf(this.cause) : refusalTexts[refusal].what
    const advice =
      refusal === undefined ? "restore it from a backup, or use another data folder" : refusalTexts[refusal].next_step
    return `cannot use the database ${this.filename}: ${why}; ${advice}`
  }
}

const decodeVersions = Schema.decodeUnknown(Schema.Array(Schema.Struct({ id: Schema.NullOr(Schema.Number) })))

const decodeIds = Schema.decodeUnknown(Schema.Array(Schema.Struct({ id: Schema.NullOr(Schema.String) })))

/** The schema of the database, 0 of a new one; newer ones than this program knows are refused. */
const schemaOf = Effect.fnUntraced(function* (filename: string) {
  const sql = yield* SqlClient
  const tables = yield* sql`SELECT name FROM sqlite_master WHERE name = 'effect_sql_migrations'`
  if (tables.length === 0) return 0
  const [row] = yield* decodeVersions(yield* sql`SELECT max(migration_id) AS id FROM effect_sql_migrations`)
  const found = row?.id ?? 0
  if (found > schemaVersion) return yield* new DatabaseTooNew({ filename, found })
  return found
})

const decodeSizes = Schema.decodeUnknown(Schema.Array(Schema.Struct({ bytes: Schema.Number })))
const decodeChecks = Schema.decodeUnknown(Schema.Array(Schema.Struct({ quick_check: Schema.String })))
const decodeNames = Schema.decodeUnknown(Schema.Array(Schema.Struct({ name: Schema.String })))

/** The largest database that is looked through at each start, in bytes: that takes 20 ms or so. */
const maxLookedThrough = 16_777_216

// A service on a damaged file would start, and then fail at whatever it comes to. Of a large file only the way into each
// table is tried; `symbi doctor` looks through more.
const refuseDamaged = Effect.fnUntraced(function* (filename: string) {
  const sql = yield* SqlClient
  const [size] = yield* decodeSizes(
    yield* sql`SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size`
  )
  if ((size?.bytes ?? 0) <= maxLookedThrough) {
    const [check] = yield* decodeChecks(yield* sql`PRAGMA quick_check(1)`)
    if (check !== undefined && check.quick_check !== "ok") {
      return yield* new DatabaseUnusable({ filename, cause: `it is damaged (${check.quick_check})` })
    }
  }
  const tables = yield* decodeNames(yield* sql`SELECT name FROM sqlite_master WHERE type = 'table'`)
  for (const { name } of tables) yield* sql`SELECT 1 FROM ${sql(name)} LIMIT 1`
})

const prepare = Effect.fn("JobStore.prepare")(function* (filename: string) {
  const sql = yield* SqlClient
  yield* sql`PRAGMA synchronous = FULL`
  yield* sql`PRAGMA foreign_keys = ON`
  const found = yield* schemaOf(filename)
  if (found > 0) yield* refuseDamaged(filename)
  if (found > 0 && found < schemaVersion && filename !== ":memory:") yield* copyBeside(filename, found)
  yield* passing("migration.before")
  // What a failure was of: a full disk ends the transaction, and the migrator then tells only that it has ended.
  let wrong: Cause.Cause<unknown> | undefined
  const applied = <E, R>(migration: Effect.Effect<void, E, R>) =>
    Effect.zipRight(migration, passing("migration.applied")).pipe(
      Effect.tapErrorCause((cause) =>
        Effect.sync(() => {
          wrong = cause
        })
      )
    )
  yield* Migrator.make({})({ loader: Migrator.fromRecord(Record.map(migrations, applied)) }).pipe(
    Effect.provideService(SqlClient, sql),
    Effect.catchAllCause((cause) => new DatabaseUnusable({ filename, cause: Cause.squash(wrong ?? cause) }))
  )
  // It takes whatever keeps it from noting its migrations for another migrator that is at work.
  const reached = yield* schemaOf(filename)
  if (reached < schemaVersion) {
    const cause = `it could not be brought from schema ${reached} to ${schemaVersion}: is the disk full, or read-only?`
    return yield* new DatabaseUnusable({ filename, cause })
  }
  yield* passing("migration.committed")
  // A statement with triggers keeps what undoes it alone: beyond 64 KB in a file that is written page by page. Set here,
  // as an index that a migration makes of a large table is sorted in files.
  yield* sql`PRAGMA temp_store = MEMORY`
  yield* idsAscend
  yield* (yield* Failpoints).opened(sql)
})

// A clock that was ahead before the last stop must not make what is older sort as newer. A damaged id is none to follow.
const idsAscend = Effect.gen(function* () {
  const sql = yield* SqlClient
  const ids = yield* Ids
  const newest = (table: string, prefix: string) =>
    sql`SELECT max(id) AS id FROM ${sql(table)} WHERE id >= ${`${prefix}_0`} AND id < ${`${prefix}_8`}`
  const found = yield* Effect.all([
    newest("runs", "run"),
    newest("jobs", "job"),
    newest("deliveries", "dlv"),
    newest("approvals", "apr")
  ])
  for (const { id } of yield* decodeIds(found.flat())) if (id !== null) ids.ascendFrom(id)
})

const services = Layer.mergeAll(
  SqliteJobChanges.Default,
  SqliteLook.Default,
  SqliteRuns.Default,
  SqliteBulk.Default,
  SqliteBackfills.Default,
  SqliteOutbox.Default,
  SqliteDeliveries.Default,
  SqliteNotices.Default,
  SqliteClock.Default,
  SqliteKeys.Default
).pipe(
  Layer.provideMerge(SqliteApprovals.Default),
  Layer.provide(SqliteSettlements.Default),
  Layer.provideMerge(SqliteBudgets.Default),
  Layer.provideMerge(SqliteHistory.Default),
  Layer.provideMerge(SqliteJobs.Default),
  Layer.provideMerge(Layer.mergeAll(SqliteNewRuns.Default, Writer.Default)),
  Layer.provideMerge(Layer.mergeAll(SqliteNewDeliveries.Default, SqliteSessionArchive.Default)),
  Layer.provideMerge(Layer.mergeAll(SqliteAudit.Default, Counters.Default, Tally.Default)),
  Layer.provideMerge(Ids.Default)
)

const store = Layer.effect(
  JobStore,
  Effect.gen(function* () {
    const sql = yield* SqlClient
    const jobs = yield* SqliteJobs
    const changes = yield* SqliteJobChanges
    const approvals = yield* SqliteApprovals
    const bulk = yield* SqliteBulk
    const dispatch = yield* SqliteLook
    const runs = yield* SqliteRuns
    const backfills = yield* SqliteBackfills
    const history = yield* SqliteHistory
    const outbox = yield* SqliteOutbox
    const deliveries = yield* SqliteDeliveries
    const notices = yield* SqliteNotices
    const { clockSetBack } = yield* SqliteClock
    return JobStore.of({
      insertJobs: jobs.insert,
      modifyJob: changes.modify,
      deleteJob: changes.remove,
      findJob: jobs.find,
      listJobs: jobs.list,
      changeJobs: bulk.change,
      look: dispatch.look,
      nextWake: dispatch.nextWake,
      insertManualRun: runs.insertManual,
      insertBackfill: backfills.insert,
      finish: runs.finish,
      progress: runs.progress,
      cancelWaiting: runs.cancelWaiting,
      decideApproval: approvals.decide,
      findApproval: approvals.find,
      listApprovals: approvals.list,
      clockSetBack,
      registerNode: runs.registerNode,
      renewLease: runs.renewLease,
      recover: runs.recover,
      findRun: history.findRun,
      listRuns: history.listRuns,
      runsAround: history.runsAround,
      findSession: history.findSession,
      waitingDestinations: outbox.waiting,
      dueDeliveries: outbox.due,
      settleDelivery: outbox.settle,
      addNotice: notices.add,
      listDeliveries: deliveries.list,
      findDelivery: deliveries.find,
      redeliver: deliveries.redeliver,
      redeliverAll: deliveries.redeliverAll,
      deliveryCounts: deliveries.counts,
      counts: history.counts,
      ping: sql`SELECT 1`.pipe(Effect.orDie, Effect.asVoid)
    })
  })
)

const keyStore = Layer.effect(KeyStore, Effect.map(SqliteKeys, KeyStore.of))

const budgetStore = Layer.effect(BudgetStore, makeBudgetStore)

/** What the database keeps, each behind an interface of its own. */
export type Stores =
  | JobStore
  | SessionStore
  | RetentionStore
  | AuditLog
  | AgentPinMemory
  | KeyStore
  | BudgetStore
  | InvariantStore
  | RunTotals
  | StorageHealth

/** {@link layerSqlite} on a client that the caller made of `filename`. */
export const layerOnClient = (
  filename: string
): Layer.Layer<Stores, DatabaseTooNew | DatabaseNotCopied | DatabaseUnusable, Database | SqlClient> => {
  // A migration that fails does so as a defect.
  const prepared = Layer.effectDiscard(
    Effect.catchAllCause(
      prepare(filename),
      (cause): Effect.Effect<never, DatabaseTooNew | DatabaseNotCopied | DatabaseUnusable> => {
        const error = Cause.squash(cause)
        return error instanceof DatabaseTooNew ||
          error instanceof DatabaseNotCopied ||
          error instanceof DatabaseUnusable
          ? error
          : new DatabaseUnusable({ filename, cause: error })
      }
    )
  )
  return Layer.mergeAll(
    store,
    layerSessions,
    layerRetention,
    layerAuditLog,
    layerAgentPins,
    layerInvariants,
    keyStore,
    budgetStore,
    layerTotals,
    layerStorageProbe
  ).pipe(
    Layer.provide(services),
    Layer.provideMerge(StorageHealth.layer),
    Layer.provide(Layer.provide(prepared, Ids.Default))
  )
}

/**
 * The store on one SQLite file (`:memory:` for none): WAL, `synchronous=FULL`, foreign keys, group commit. One process
 * owns the file.
 */
export const layerSqlite = (
  filename: string
): Layer.Layer<Stores, DatabaseTooNew | DatabaseNotCopied | DatabaseUnusable> => {
  // The driver throws where the file cannot be opened.
  const database = layerDatabase(filename).pipe(
    Layer.catchAllCause((cause) => Layer.fail(new DatabaseUnusable({ filename, cause: Cause.squash(cause) })))
  )
  return Layer.provide(layerOnClient(filename), database)
}
