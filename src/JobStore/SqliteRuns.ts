import * as SqlClient from "@effect/sql/SqlClient"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type { Approval } from "../Domain/Approval.ts"
import type { BootId, RunId } from "../Domain/Ids.ts"
import type { JobNotFound, JobUnreadable, StoredJob } from "../Domain/Job.ts"
import { FencedOut, IdempotencyConflict, type Run } from "../Domain/Run.ts"
import { Failpoints, plainly } from "../Failpoints.ts"
import type { AttemptRef, KeptSession, LiveRuns, NewRun, Settlement, WaitingEnd } from "../JobStore.ts"
import { Database, type Row } from "./Database.ts"
import { encodeRunPatch, runFromRow, runNames } from "./Rows.ts"
import { SqliteApprovals } from "./SqliteApprovals.ts"
import { SqliteAudit } from "./SqliteAudit.ts"
import { SqliteHistory } from "./SqliteHistory.ts"
import { SqliteJobs } from "./SqliteJobs.ts"
import { SqliteNewRuns } from "./SqliteNewRuns.ts"
import { SqliteSessionArchive } from "./SqliteSessionArchive.ts"
import { SqliteSettlements } from "./SqliteSettlements.ts"
import { Writer } from "./Writer.ts"

/** How long an idempotency key is remembered, in ms. */
const idempotencyWindow = 86_400_000
/** Dead owners' runs ended in one transaction. */
const recoveryBatch = 100

/** A key that a caller gave a run, and a hash of what was asked for under it. */
interface IdempotencyKey {
  readonly key: string
  readonly hash: string
}

const decodeSeen = Schema.decodeUnknown(Schema.Array(Schema.Struct({ seen_at: Schema.NullOr(Schema.Number) })))

/** The life of runs after their claim: finished, recovered, cancelled, or asked for by a person. */
export class SqliteRuns extends Effect.Service<SqliteRuns>()("symbiont/JobStore/SqliteRuns", {
  effect: Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const { inTurn, prepare, query } = yield* Database
    const writer = yield* Writer
    const audit = yield* SqliteAudit
    const jobs = yield* SqliteJobs
    const history = yield* SqliteHistory
    const newRuns = yield* SqliteNewRuns
    const approvals = yield* SqliteApprovals
    const sessions = yield* SqliteSessionArchive
    const settlements = yield* SqliteSettlements
    const failpoints = yield* Failpoints
    const pass = plainly(failpoints, inTurn)

    const running = query(
      `SELECT ${runNames.join(", ")} FROM runs WHERE id = ? AND status = 'running' AND attempt = ? AND owner = ?`
    )

    const finishNow = (
      ref: AttemptRef,
      now: number,
      settle: (run: Run, job: StoredJob | null) => Settlement
    ): Either.Either<Run, FencedOut> => {
      const found = running.first(ref.run_id, ref.attempt, ref.owner)
      const begun = found === undefined ? undefined : history.inFlight(found)
      const fencedOut = () => Either.left(new FencedOut({ run: ref.run_id, attempt: ref.attempt }))
      if (begun === undefined) return fencedOut()
      const { row, run } = begun
      const job = jobs.stored(row.job_id)
      const settlement = settle(run, job)
      // A run is asked about once: a second time is the first one told again.
      if (settlement.approval !== undefined && row.approval_id !== null) return fencedOut()
      const settled = settlements.settle(row, run, job, settlement, now)
      if (settlement.approval === undefined) {
        pass("finish.written")
        return Either.right(settled)
      }
      const waiting = inTurn(approvals.open(row, settled, settlement.approval, now))
      settlements.promote(row.job_id, job, now)
      pass("finish.written")
      return Either.right(waiting)
    }

    const finish = (
      ref: AttemptRef,
      now: number,
      settle: (run: Run, job: StoredJob | null) => Settlement
    ): Effect.Effect<Run, FencedOut> =>
      failpoints
        .hit("finish.before")
        .pipe(
          Effect.zipRight(writer.commitNow(() => finishNow(ref, now, settle))),
          Effect.zipLeft(failpoints.hit("finish.committed"))
        )

    const progress = Effect.fn("JobStore.progress")(function* (
      { attempt, owner, run_id }: AttemptRef,
      so_far: Pick<Run, "context_bytes" | "iterations" | "iteration_count" | "session_id" | "tool_calls" | "usage">,
      session?: KeptSession
    ) {
      yield* writer.commit(
        Effect.gen(function* () {
          const current = yield* sql`UPDATE runs SET ${sql.update(encodeRunPatch(so_far))} WHERE id = ${run_id}
            AND status = 'running' AND attempt = ${attempt} AND owner = ${owner} RETURNING id`
          if (current.length === 0) return yield* new FencedOut({ run: run_id, attempt })
          if (session === undefined) return
          const job = jobs.byIds([session.job_id]).get(session.job_id) ?? null
          yield* sessions.save(session, job, session.updated_at)
        })
      )
    })

    const recover = Effect.fn("JobStore.recover")(function* (
      now: number,
      owner: BootId,
      settle: (run: Run, job: StoredJob | null) => Settlement
    ) {
      return yield* writer.commit(
        Effect.gen(function* () {
          const found = yield* sql<Row>`SELECT * FROM runs WHERE status = 'running' AND owner IS NOT ${owner}
            AND NOT EXISTS (SELECT 1 FROM nodes WHERE nodes.owner = runs.owner AND lease_until > ${now})
            ORDER BY owner, id LIMIT ${recoveryBatch}`
          const { damaged, readable } = history.read(found)
          yield* Effect.forEach(damaged, (run) => settlements.abandon(run, now), { discard: true })
          const byId = jobs.byIds([...new Set(readable.map((row) => row.job_id))])
          for (const row of readable) {
            const run = history.live(row)
            const job = byId.get(row.job_id) ?? null
            settlements.settle(row, run, job, settle(run, job), now)
          }
          yield* sql`DELETE FROM nodes WHERE lease_until <= ${now} AND owner <> ${owner}
            AND NOT EXISTS (SELECT 1 FROM runs WHERE runs.owner = nodes.owner AND status = 'running')`
          return found.length
        })
      )
    })

    const forgetKeys = prepare("DELETE FROM idempotency WHERE created_at <= ?")
    const knownKey = prepare("SELECT hash, run_id FROM idempotency WHERE key = ?")
    const insertKey = prepare("INSERT INTO idempotency (key, hash, run_id, created_at) VALUES (?, ?, ?, ?)")

    const insertManualNow = <E>(
      ref: string,
      now: number,
      make: (job: StoredJob, live: LiveRuns) => Either.Either<NewRun, E>,
      idempotency: IdempotencyKey | undefined
    ): Either.Either<Run, E | JobNotFound | JobUnreadable | IdempotencyConflict> => {
      const found = jobs.readNow(ref)
      if (Either.isLeft(found)) return Either.left(found.left)
      const job = found.right
      const key = `${job.id}/${idempotency?.key}`
      if (idempotency !== undefined) {
        forgetKeys.run(now - idempotencyWindow)
        const known = knownKey.first(key)
        if (known !== undefined) {
          if (known["hash"] !== idempotency.hash) return Either.left(new IdempotencyConflict({ key: idempotency.key }))
          return Either.right(inTurn(history.runById(String(known["run_id"]))))
        }
      }
      const made = make(job, jobs.liveRunsOf(job.id))
      if (Either.isLeft(made)) return Either.left(made.left)
      const row = newRuns.row(job, made.right, now)
      newRuns.insertOne({ row, job })
      if (idempotency !== undefined) insertKey.run(key, idempotency.hash, row.id, now)
      return Either.right(runFromRow(row, [], []))
    }

    const insertManual = <E>(
      ref: string,
      now: number,
      make: (job: StoredJob, live: LiveRuns) => Either.Either<NewRun, E>,
      idempotency?: IdempotencyKey
    ) => writer.commitNow(() => insertManualNow(ref, now, make, idempotency))

    const cancelWaiting = Effect.fn("JobStore.cancelWaiting")(function* (
      run_id: RunId,
      now: number,
      settle: (run: Run, job: StoredJob | null, approval: Approval | null) => WaitingEnd
    ) {
      return yield* writer.commit(
        Effect.gen(function* () {
          const run = yield* history.runById(run_id)
          if (run.status !== "pending" && run.status !== "awaiting_approval") return run
          const job = jobs.byIds([run.job_id]).get(run.job_id) ?? null
          const approval = run.status === "pending" ? null : ((yield* approvals.ofRuns([run])).get(run.id) ?? null)
          const ended = settle(run, job, approval)
          if (approval !== null && ended.approval !== null) {
            return (yield* approvals.end({ approval, run, job }, { ...ended, approval: ended.approval }, now)).run
          }
          const after = settlements.endWaiting({ run, job, end: ended.end }, now)
          yield* audit.append(ended.audit, now)
          return after
        })
      )
    })

    const registerNode = Effect.fn("JobStore.registerNode")(function* (owner: BootId, now: number, until: number) {
      return yield* writer.commit(
        Effect.gen(function* () {
          const [last] = yield* Effect.flatMap(sql`SELECT max(seen_at) AS seen_at FROM nodes`, (rows) =>
            Effect.orDie(decodeSeen(rows))
          )
          yield* sql`DELETE FROM nodes`
          yield* sql`INSERT INTO nodes ${sql.insert({ owner, started_at: now, seen_at: now, lease_until: until })}`
          return last?.seen_at ?? null
        })
      )
    })

    const renewLease = Effect.fn("JobStore.renewLease")(function* (owner: BootId, now: number, until: number) {
      yield* writer.commit(sql`UPDATE nodes SET seen_at = ${now}, lease_until = ${until} WHERE owner = ${owner}`)
    })

    return { cancelWaiting, finish, insertManual, progress, recover, registerNode, renewLease } as const
  })
}) {}
