import * as SqlClient from "@effect/sql/SqlClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { contentSql, entryHash, genesis } from "../AuditLog.ts"
import { ApprovalState } from "../Domain/Approval.ts"
import { AuditHead } from "../Domain/Audit.ts"
import { DeliveryState } from "../Domain/Delivery.ts"
import type { BootId } from "../Domain/Ids.ts"
import { JobStatus } from "../Domain/Job.ts"
import { RunStatus } from "../Domain/Run.ts"
import { InvariantStore, maxCounted } from "../Invariants.ts"
import { among } from "./Among.ts"

const decodeIds = Schema.decodeUnknown(Schema.Array(Schema.Struct({ id: Schema.String })))
const decodeNames = Schema.decodeUnknown(Schema.Array(Schema.Struct({ name: Schema.String })))
const decodeCounts = Schema.decodeUnknown(Schema.Array(Schema.Struct({ status: Schema.String, count: Schema.Number })))
const decodeRunning = Schema.decodeUnknown(
  Schema.Array(Schema.Struct({ run_id: Schema.String, job_id: Schema.String, started_at: Schema.Number }))
)
const decodeHeads = Schema.decodeUnknown(Schema.Array(AuditHead))
const decodeEntries = Schema.decodeUnknown(
  Schema.Array(Schema.Struct({ seq: Schema.Number, hash: Schema.String, content: Schema.Uint8ArrayFromSelf }))
)

/** Entries at the end of the audit log whose chain is computed again. */
const tail = 50

/** What lies before, between and behind some values in their order: an index finds it without a walk. */
const gaps = (values: ReadonlyArray<string>): ReadonlyArray<readonly [after: string | null, before: string | null]> => {
  const sorted = values.toSorted()
  return [null, ...sorted].map((after, index) => [after, sorted[index] ?? null])
}

const makeInvariantStore = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  const idsOf = <E>(rows: Effect.Effect<ReadonlyArray<object>, E>) =>
    rows.pipe(
      Effect.flatMap(decodeIds),
      Effect.map((found) => found.map(({ id }) => id)),
      Effect.orDie
    )

  const staleRuns = (owner: BootId, now: number) =>
    idsOf(sql`SELECT id FROM runs WHERE status = 'running'
      AND NOT EXISTS (SELECT 1 FROM nodes WHERE nodes.owner = runs.owner AND lease_until > ${now})
      AND (owner IS NOT ${owner} OR EXISTS (SELECT 1 FROM nodes WHERE nodes.owner = ${owner}))
      ORDER BY owner, id LIMIT ${maxCounted}`)

  const quarantined = Effect.gen(function* () {
    const counted = yield* Effect.flatMap(
      sql`SELECT status, n AS count FROM job_counts WHERE status = 'quarantined'`,
      decodeCounts
    )
    const count = counted[0]?.count ?? 0
    if (count === 0) return { count, ids: [] }
    // No index finds them, but the log tells when each was set aside.
    const ids = yield* idsOf(sql`SELECT id FROM jobs WHERE quarantined IS NOT NULL AND deleted_at IS NULL AND id IN (
      SELECT job_id FROM audit WHERE type = 'CronJobQuarantined' ORDER BY seq DESC LIMIT ${maxCounted})`)
    return { count, ids }
  }).pipe(Effect.orDie)

  const strange = (table: "jobs" | "approvals", column: "status" | "state", known: ReadonlyArray<string>) =>
    Effect.forEach(gaps(known), ([after, before]) =>
      idsOf(
        sql`SELECT id || ' (' || ${sql(column)} || ')' AS id FROM ${sql(table)} WHERE ${sql.and([
          ...(after === null ? [] : [sql`${sql(column)} > ${after}`]),
          ...(before === null ? [] : [sql`${sql(column)} < ${before}`]),
          ...(table === "jobs" ? [sql`deleted_at IS NULL`] : [])
        ])} LIMIT ${maxCounted}`
      )
    )

  const strangeAmongLatest = (table: "runs" | "deliveries", column: "status" | "state", known: ReadonlyArray<string>) =>
    idsOf(sql`SELECT id || ' (' || state || ')' AS id FROM (
        SELECT id, ${sql(column)} AS state FROM ${sql(table)} ORDER BY id DESC LIMIT ${maxCounted})
      WHERE state NOT IN ${among(sql, known)}`)

  const unknownStates = Effect.gen(function* () {
    const found = [
      ...(yield* strange("jobs", "status", JobStatus.literals)),
      ...(yield* strange("approvals", "state", ApprovalState.literals)),
      yield* strangeAmongLatest("runs", "status", RunStatus.literals),
      yield* strangeAmongLatest("deliveries", "state", DeliveryState.literals)
    ]
    return found.flat().slice(0, maxCounted)
  })

  // Entries that come after the head was read are left out.
  const auditTail = Effect.gen(function* () {
    const [head = genesis] = yield* Effect.flatMap(
      sql`SELECT seq, hash, count FROM audit_head WHERE one = 1`,
      decodeHeads
    )
    const rows = yield* Effect.flatMap(
      sql`SELECT seq, hash, ${sql.literal(contentSql)} AS content FROM audit WHERE seq <= ${head.seq}
        ORDER BY seq DESC LIMIT ${tail + 1}`,
      decodeEntries
    )
    const [last] = rows
    if (last === undefined) return head.count === 0 ? null : "its entries are gone"
    if (last.seq !== head.seq) return `it ends at entry ${last.seq}, and ${head.seq} were written`
    if (last.hash !== head.hash) return `its last entry, ${last.seq}, is not the one that was written`
    for (const [index, entry] of rows.slice(0, -1).entries()) {
      const before = rows[index + 1]
      if (before === undefined) continue
      if (before.seq !== entry.seq - 1) return `the entry before ${entry.seq} is missing`
      if (entryHash(before.hash, entry.seq, entry.content) !== entry.hash) {
        return `entry ${entry.seq} does not follow from the one before it`
      }
    }
    return null
  }).pipe(Effect.orDie)

  const gauges = Effect.gen(function* () {
    const jobs = yield* Effect.flatMap(sql`SELECT status, n AS count FROM job_counts WHERE n > 0`, decodeCounts)
    const counted = yield* Effect.flatMap(
      sql`SELECT 'live' AS status, count(*) AS count FROM runs INDEXED BY runs_live WHERE status IN ('pending', 'running')
        UNION ALL SELECT 'running', count(*) FROM runs WHERE status = 'running'
        UNION ALL SELECT 'awaiting', count(*) FROM approvals WHERE state = 'pending'`,
      decodeCounts
    )
    const of = (name: string) => counted.find(({ status }) => status === name)?.count ?? 0
    return { pending: of("live") - of("running"), awaiting_approval: of("awaiting"), jobs }
  }).pipe(Effect.orDie, Effect.withSpan("InvariantStore.gauges"))

  return InvariantStore.of({
    // The words of the index `jobs_due`.
    overdueJobs: (before) =>
      idsOf(sql`SELECT name AS id FROM jobs WHERE next_run IS NOT NULL
        AND status NOT IN ('paused', 'completed', 'failed', 'dead_letter') AND next_run < ${before}
        ORDER BY next_run, jobs.id LIMIT ${maxCounted}`),
    staleRuns,
    running: (limit) =>
      Effect.flatMap(
        sql`SELECT some.id AS run_id, some.job_id, attempts.started_at FROM (
            SELECT id, job_id, attempt FROM runs WHERE status = 'running' ORDER BY owner, id LIMIT ${limit}) AS some
          JOIN attempts ON attempts.run_id = some.id AND attempts.number = some.attempt`,
        decodeRunning
      ).pipe(Effect.orDie),
    unstartedRuns: (before) =>
      idsOf(sql`SELECT id FROM runs WHERE status = 'pending' AND ready_at IS NOT NULL AND ready_at < ${before}
        ORDER BY ready_at, id LIMIT ${maxCounted}`),
    overdueApprovals: (before) =>
      idsOf(sql`SELECT id FROM approvals INDEXED BY approvals_expiry WHERE state = 'pending' AND expires_at < ${before}
        ORDER BY expires_at, id LIMIT ${maxCounted}`),
    // Only deliveries under way or in their backoff are in the index.
    waitingDeliveries: (before) =>
      idsOf(sql`SELECT id FROM deliveries INDEXED BY deliveries_due WHERE state = 'pending'
        AND next_attempt_at < ${before} LIMIT ${maxCounted}`),
    undelivered: idsOf(sql`SELECT id FROM deliveries INDEXED BY deliveries_state
      WHERE state IN ('pending', 'failed', 'dead') AND state IN ('failed', 'dead')
      ORDER BY state, id LIMIT ${maxCounted}`),
    quarantined,
    unknownStates,
    auditTail,
    gauges,
    jobsNamed: (names) =>
      names.length === 0
        ? Effect.succeed(new Set<string>())
        : sql`SELECT name FROM jobs WHERE deleted_at IS NULL AND name IN ${among(sql, names)}`.pipe(
            Effect.flatMap(decodeNames),
            Effect.map((rows): ReadonlySet<string> => new Set(rows.map(({ name }) => name))),
            Effect.orDie
          )
  })
})

/** The scanner's questions, asked of SQLite. */
export const layerInvariants = Layer.effect(InvariantStore, makeInvariantStore)
