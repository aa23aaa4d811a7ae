import * as SqlClient from "@effect/sql/SqlClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { JobId, RunId, SessionId } from "../Domain/Ids.ts"
import { type ClockSeen, type KeepsRuns, type Removed, RetentionStore, type RunCursor } from "../Retention.ts"
import { among } from "./Among.ts"
import { SqliteSessionArchive } from "./SqliteSessionArchive.ts"
import { Writer } from "./Writer.ts"

const decodeClock = Schema.decodeUnknown(Schema.Array(Schema.Struct({ seen: Schema.Number, since: Schema.Number })))
const decodeEnded = Schema.decodeUnknown(
  Schema.Array(Schema.Struct({ id: Schema.String, finished_at: Schema.Number, free: Schema.Number }))
)
const decodeKeepers = Schema.decodeUnknown(Schema.Array(Schema.Struct({ id: JobId, keep_runs: Schema.Int })))
const decodeRuns = Schema.decodeUnknown(Schema.Array(Schema.Struct({ id: RunId })))
const decodeMade = Schema.decodeUnknown(Schema.Array(Schema.Struct({ id: RunId, made: Schema.Number })))
const decodeSessions = Schema.decodeUnknown(Schema.Array(Schema.Struct({ session_id: SessionId })))
const decodeIdle = Schema.decodeUnknown(Schema.Array(Schema.Struct({ job_id: Schema.String })))
const decodePruned = Schema.decodeUnknown(
  Schema.Array(Schema.Struct({ slot: Schema.Number, beyond_keep_runs: Schema.NullOr(Schema.Number) }))
)

const isRunId = Schema.is(RunId)

/** The upkeep of a database. */
export const layerRetention = Layer.effect(
  RetentionStore,
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const writer = yield* Writer
    const archive = yield* SqliteSessionArchive

    // `runs` in the statement around it. A job that was deleted has no latest run to keep. Rows are numbered in the
    // order in which they were made: ids and instants may come from a clock that was wrong.
    const free = sql.literal(`runs.finished_at IS NOT NULL
      AND runs.status NOT IN ('pending', 'awaiting_approval', 'running')
      AND NOT EXISTS (SELECT 1 FROM deliveries WHERE deliveries.run_id = runs.id AND deliveries.state = 'pending')
      AND NOT EXISTS (SELECT 1 FROM budget_reserved WHERE budget_reserved.run_id = runs.id)
      AND NOT EXISTS (SELECT 1 FROM idempotency WHERE idempotency.run_id = runs.id)
      AND (EXISTS (SELECT 1 FROM jobs WHERE jobs.id = runs.job_id AND jobs.deleted_at IS NOT NULL)
        OR EXISTS (SELECT 1 FROM runs AS later WHERE later.job_id = runs.job_id AND later.rowid > runs.rowid
          AND later.finished_at IS NOT NULL))`)

    const lookAtClock = Effect.fn("RetentionStore.lookAtClock")(function* (
      look: (before: ClockSeen | null) => ClockSeen
    ) {
      return yield* writer.commit(
        Effect.gen(function* () {
          const [before = null] = yield* decodeClock(yield* sql`SELECT seen, since FROM retention_clock WHERE one = 1`)
          const after = look(before)
          yield* sql`INSERT INTO retention_clock ${sql.insert({ one: 1, ...after })}
            ON CONFLICT (one) DO UPDATE SET seen = excluded.seen, since = excluded.since`
          return { before, after }
        }).pipe(Effect.catchTag("ParseError", Effect.die))
      )
    })

    const endedBefore = Effect.fn("RetentionStore.endedBefore")(function* (
      before: number,
      after: RunCursor | null,
      limit: number
    ) {
      const from = after ?? { finished_at: Number.MIN_SAFE_INTEGER, id: "" }
      const rows = yield* Effect.flatMap(
        sql`SELECT id, finished_at, ${free} AS free FROM runs WHERE finished_at IS NOT NULL AND finished_at < ${before}
          AND (finished_at, id) > (${from.finished_at}, ${from.id}) ORDER BY finished_at, id LIMIT ${limit}`,
        decodeEnded
      )
      const last = rows.at(-1)
      return {
        // What is no id is damaged, and left for a person to look at.
        ids: rows.flatMap((row) => (row.free === 1 && isRunId(row.id) ? [row.id] : [])),
        next: rows.length < limit || last === undefined ? null : { finished_at: last.finished_at, id: last.id }
      }
    }, Effect.orDie)

    const keepers = Effect.fn("RetentionStore.keepers")(function* (after: string, limit: number) {
      return yield* Effect.flatMap(
        sql`SELECT id, json_extract(definition, '$.keep_runs') AS keep_runs FROM jobs
          WHERE CASE WHEN json_valid(definition) THEN json_extract(definition, '$.keep_runs') END IS NOT NULL
          AND id > ${after} ORDER BY id LIMIT ${limit}`,
        decodeKeepers
      )
    }, Effect.orDie)

    const beyond = Effect.fn("RetentionStore.beyond")(function* (
      { id, keep_runs }: KeepsRuns,
      before: number | null,
      limit: number
    ) {
      const edge =
        before === null
          ? sql`rowid < (SELECT rowid FROM runs WHERE job_id = ${id} AND finished_at IS NOT NULL
              AND started_at IS NOT NULL AND status NOT IN ('skipped', 'missed', 'denied')
              ORDER BY rowid DESC LIMIT 1 OFFSET ${keep_runs - 1})`
          : sql`rowid < ${before}`
      const rows = yield* Effect.flatMap(
        sql`SELECT id, rowid AS made FROM runs WHERE job_id = ${id} AND ${edge} AND ${free} ORDER BY rowid DESC LIMIT ${limit}`,
        decodeMade
      )
      return { ids: rows.map((row) => row.id), next: rows.length < limit ? null : (rows.at(-1)?.made ?? null) }
    }, Effect.orDie)

    const removeRuns = Effect.fn("RetentionStore.removeRuns")(function* (
      ids: ReadonlyArray<RunId>,
      why: "age" | "keep_runs"
    ) {
      if (ids.length === 0) return 0
      return yield* writer.commit(
        Effect.gen(function* () {
          const found = yield* Effect.flatMap(
            sql`SELECT id FROM runs WHERE id IN ${among(sql, ids)} AND ${free}`,
            decodeRuns
          )
          const these = among(
            sql,
            found.map(({ id }) => id)
          )
          yield* sql`INSERT INTO runs_pruned (job_id, slot, beyond_keep_runs)
            SELECT job_id, slot, CASE WHEN ${why === "keep_runs" ? 1 : 0} THEN slot END FROM (
              SELECT job_id, max(coalesce(missed_to, scheduled_for)) AS slot FROM runs
                WHERE id IN ${these} AND trigger IN ('schedule', 'catch_up') GROUP BY job_id) WHERE true
            ON CONFLICT (job_id) DO UPDATE SET slot = max(slot, excluded.slot), beyond_keep_runs =
              coalesce(max(beyond_keep_runs, excluded.beyond_keep_runs), beyond_keep_runs, excluded.beyond_keep_runs)`
          yield* sql`DELETE FROM attempts WHERE run_id IN ${these}`
          yield* sql`DELETE FROM deliveries WHERE run_id IN ${these}`
          yield* sql`DELETE FROM approvals WHERE run_id IN ${these}`
          yield* sql`DELETE FROM runs WHERE id IN ${these}`
          return found.length
        }).pipe(Effect.catchTag("ParseError", Effect.die))
      )
    })

    /** Of these sessions, those of which nothing is left. */
    const gone = (rows: ReadonlyArray<object>) =>
      Effect.gen(function* () {
        const ids = [...new Set((yield* decodeSessions(rows)).map(({ session_id }) => session_id))]
        const left = yield* Effect.flatMap(
          sql`SELECT session_id FROM session_archives WHERE session_id IN ${among(sql, ids)}
            UNION SELECT id FROM sessions WHERE id IN ${among(sql, ids)}`,
          decodeSessions
        )
        const there = new Set<string>(left.map(({ session_id }) => session_id))
        return { count: rows.length, gone: ids.filter((id) => !there.has(id)) } satisfies Removed
      }).pipe(Effect.catchTag("ParseError", Effect.die))

    const archiveSessions = Effect.fn("RetentionStore.archiveSessions")((before: number, now: number, limit: number) =>
      writer.commit(
        Effect.gen(function* () {
          const idle = yield* decodeIdle(
            yield* sql`SELECT job_id FROM sessions WHERE updated_at < ${before}
              AND NOT EXISTS (SELECT 1 FROM runs WHERE runs.job_id = sessions.job_id
                AND runs.status IN ('pending', 'running'))
              AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.id = sessions.job_id AND jobs.status = 'active'
                AND jobs.next_run IS NOT NULL AND jobs.deleted_at IS NULL)
              ORDER BY updated_at, id LIMIT ${limit}`
          )
          yield* archive.end(
            idle.map(({ job_id }) => job_id),
            now
          )
          return idle.length
        }).pipe(Effect.catchTag("ParseError", Effect.die))
      )
    )

    const removeArchives = Effect.fn("RetentionStore.removeArchives")((before: number, limit: number) =>
      writer.commit(
        Effect.flatMap(
          sql`DELETE FROM session_archives WHERE id IN (SELECT id FROM session_archives WHERE archived_at < ${before}
            ORDER BY archived_at, id LIMIT ${limit}) RETURNING session_id`,
          gone
        )
      )
    )

    const removeJobs = Effect.fn("RetentionStore.removeJobs")((before: number, limit: number) =>
      writer.commit(
        Effect.gen(function* () {
          const removed = yield* sql`DELETE FROM jobs WHERE id IN (SELECT id FROM jobs
            WHERE deleted_at IS NOT NULL AND deleted_at < ${before}
            AND NOT EXISTS (SELECT 1 FROM runs WHERE runs.job_id = jobs.id)
            AND NOT EXISTS (SELECT 1 FROM sessions WHERE sessions.job_id = jobs.id)
            AND NOT EXISTS (SELECT 1 FROM session_archives WHERE session_archives.job_id = jobs.id)
            ORDER BY deleted_at, id LIMIT ${limit}) RETURNING id`
          yield* sql`DELETE FROM runs_pruned WHERE job_id IN ${among(
            sql,
            removed.map((row) => String(row["id"]))
          )}`
          return removed.length
        })
      )
    )

    const forgetKeys = Effect.fn("RetentionStore.forgetKeys")((before: number, limit: number) =>
      writer.commit(
        Effect.map(
          sql`DELETE FROM idempotency WHERE key IN (SELECT key FROM idempotency WHERE created_at < ${before}
            ORDER BY created_at LIMIT ${limit}) RETURNING key`,
          (removed) => removed.length
        )
      )
    )

    const prunedTo = Effect.fn("RetentionStore.prunedTo")(function* (job_id: JobId) {
      const [row] = yield* Effect.flatMap(
        sql`SELECT slot, beyond_keep_runs FROM runs_pruned WHERE job_id = ${job_id}`,
        decodePruned
      )
      return row ?? null
    }, Effect.orDie)

    return RetentionStore.of({
      archiveSessions,
      beyond,
      endedBefore,
      forgetKeys,
      keepers,
      lookAtClock,
      prunedTo,
      removeArchives,
      removeJobs,
      removeRuns
    })
  })
)
